//! Values of arguments and flags, by the kind that the table gives them.

use kafsh_model::keys::{self, Key, KeyType};
use kafsh_model::plugin::{PluginKind, SettingSpec, SettingType};

use super::{Names, Offer, Offers};
use crate::spec::Kind;

/// Most entries of a folder that are offered.
const PATHS_MAX: usize = 1_000;

/// What may stand for a value of a kind; `given` are values of the same argument that stand
/// before it.
pub fn of_kind(kind: Kind, partial: &str, given: &[&str], names: &Names) -> Offers {
    let plain = |list: &[String]| {
        let left = list.iter().filter(|name| !given.contains(&name.as_str()));
        left.map(|name| Offer::plain(name.as_str())).collect::<Vec<_>>()
    };
    let live = |list: Vec<Offer>| Offers { list, live: true, detailed: false };
    let words = |list: &[&str]| Offers::of(list.iter().map(|word| Offer::plain(*word)).collect());
    match kind {
        Kind::Topic => live(plain(&names.topics)),
        Kind::Group => live(plain(&names.groups)),
        Kind::Broker => live(plain(&names.brokers)),
        Kind::Cluster => Offers::of(plain(&names.clusters)),
        Kind::Path => Offers::of(paths(partial, names, "")),
        Kind::TopicConfig => Offers::of(pairs(partial, "", given, keys::all_topic)),
        Kind::BrokerConfig => broker_pairs(partial, given, names),
        Kind::TopicKey => {
            let left = keys::all_topic().filter(|key| !given.contains(&key.name));
            Offers::of(left.map(|key| Offer::new(key.name, key.about)).collect())
        }
        Kind::Plugin(kind) => plugins(names, true, Some(kind)),
        Kind::AnyPlugin => plugins(names, true, None),
        Kind::Installed => plugins(names, false, None),
        Kind::Binding => Offers::of(plain(&names.bindings)),
        Kind::Choice(choices) => words(choices),
        Kind::PortOrAuto => words(&["auto"]),
        Kind::Offset => Offers::detailed(vec![
            Offer::new("earliest", "the oldest record there is"),
            Offer::new("latest", "what comes from now on"),
            Offer::new("committed", "where the group has come to"),
            Offer { open: true, ..Offer::new("-", "-N: so many before the end") },
            Offer { open: true, ..Offer::new("@", "@TIME: @-1h, @2026-11-22T10:00:00Z") },
        ]),
        // What only the user knows.
        _ => Offers::default(),
    }
}

/// `name=value` of the settings of a bundled plugin that the command names; what an installed one
/// takes is in its file, which is not read while a key is handled.
pub fn plugin_settings(plugin: &str, partial: &str, given: &[&str]) -> Offers {
    let bundled = kafsh_bundled::plugins().iter().find(|bundled| bundled.name == plugin);
    let manifest = bundled.and_then(|bundled| kafsh_pack::read_manifest(bundled.component).ok());
    let settings = manifest.map(|manifest| manifest.settings).unwrap_or_default();
    let Some((name, _)) = partial.split_once('=') else {
        let taken = |name: &str| given.iter().any(|word| word.split('=').next() == Some(name));
        let left = settings.iter().filter(|setting| !taken(&setting.name));
        let offer = |setting: &SettingSpec| Offer {
            text: format!("{}=", setting.name),
            display: Some(setting.name.clone()),
            about: setting.doc.clone(),
            open: true,
        };
        return Offers::detailed(left.map(offer).collect());
    };
    let setting = settings.iter().find(|setting| setting.name == name);
    let words: Vec<String> = setting.map(choices).unwrap_or_default();
    let offer = |word: String| Offer {
        text: format!("{name}={word}"),
        display: Some(word),
        ..Offer::default()
    };
    Offers::of(words.into_iter().map(offer).collect())
}

/// The values of a setting that are words.
fn choices(setting: &SettingSpec) -> Vec<String> {
    match setting.kind {
        _ if !setting.one_of.is_empty() => setting.one_of.clone(),
        SettingType::Boolean => ["true", "false"].map(String::from).to_vec(),
        _ => setting.default.iter().cloned().collect(),
    }
}

/// Installed plugins, and `bundled` ones; of one kind or of all.
fn plugins(names: &Names, bundled: bool, kind: Option<PluginKind>) -> Offers {
    let own = kafsh_bundled::plugins().iter().filter(|_| bundled);
    let own = own.filter(|plugin| kind.is_none_or(|kind| plugin.kind == kind.name()));
    let installed = names.plugins.iter().filter(|(_, is)| kind.is_none_or(|kind| *is == kind));
    let installed = installed.map(|(name, kind)| Offer::new(name, kind.name()));
    Offers::of(own.map(|plugin| Offer::new(plugin.name, plugin.kind)).chain(installed).collect())
}

/// `key=value`, or the keys; `lead` stands before the key (`2:`).
fn pairs<I: Iterator<Item = &'static Key>>(
    partial: &str,
    lead: &str,
    given: &[&str],
    all: impl Fn() -> I,
) -> Vec<Offer> {
    let rest = partial.strip_prefix(lead).unwrap_or(partial);
    let Some((name, value)) = rest.split_once('=') else {
        let taken = |key: &Key| {
            let begins =
                |word: &&str| word.split('=').next() == Some(&format!("{lead}{}", key.name));
            given.iter().any(begins)
        };
        return all()
            .filter(|key| !taken(key))
            .map(|key| Offer {
                text: format!("{lead}{}=", key.name),
                display: Some(key.name.to_string()),
                about: key.about.to_string(),
                open: true,
            })
            .collect();
    };
    let found = all().find(|key| key.name == name);
    found.map(|key| values_of(key, value, &format!("{lead}{name}="))).unwrap_or_default()
}

/// The values of a key that are words, else its default.
fn values_of(key: &Key, value: &str, lead: &str) -> Vec<Offer> {
    // Of a list the last element is being typed.
    let before = match (key.kind, value.rfind(',')) {
        (KeyType::List, Some(comma)) => &value[..=comma],
        _ => "",
    };
    let chosen: Vec<&str> = before.split(',').collect();
    let mut words = key.choices();
    words.retain(|word| !chosen.contains(word));
    let about = match words.is_empty() {
        true => {
            words.extend(key.default.filter(|_| before.is_empty() && !key.sensitive));
            "the default"
        }
        false => "",
    };
    let offer = |word: &str| Offer {
        text: format!("{lead}{before}{word}"),
        display: Some(word.to_string()),
        about: about.to_string(),
        open: false,
    };
    words.into_iter().map(offer).collect()
}

/// `key=value` for all brokers, `ID:key=value` for one.
fn broker_pairs(partial: &str, given: &[&str], names: &Names) -> Offers {
    let key_part = partial.split('=').next().unwrap_or_default();
    if let Some((id, _)) = key_part.split_once(':') {
        return Offers::of(pairs(partial, &format!("{id}:"), given, keys::all_broker));
    }
    let mut list = pairs(partial, "", given, keys::all_broker);
    let ids_fit = key_part.is_empty() || key_part.bytes().all(|byte| byte.is_ascii_digit());
    if ids_fit && !partial.contains('=') {
        list.extend(names.brokers.iter().map(|id| Offer {
            text: format!("{id}:"),
            display: Some(format!("{id}:")),
            about: format!("broker {id} alone"),
            open: true,
        }));
    }
    Offers::of(list)
}

/// Entries of the folder that `partial` is in; files end in `ending`.
pub fn paths(partial: &str, names: &Names, ending: &str) -> Vec<Offer> {
    let (folder, prefix) = match partial.rfind('/') {
        Some(slash) => partial.split_at(slash + 1),
        None => ("", partial),
    };
    let Ok(entries) = std::fs::read_dir(names.directory.join(folder)) else {
        return Vec::new();
    };
    let mut list: Vec<Offer> = Vec::new();
    for entry in entries.flatten().take(PATHS_MAX) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let hidden = name.starts_with('.') && !prefix.starts_with('.');
        if hidden || !name.starts_with(prefix) {
            continue;
        }
        // A link to a folder is a folder here.
        let is_folder = std::fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir());
        if !is_folder && !name.ends_with(ending) {
            continue;
        }
        let slash = if is_folder { "/" } else { "" };
        list.push(Offer {
            text: format!("{folder}{name}{slash}"),
            display: Some(format!("{name}{slash}")),
            about: String::new(),
            open: is_folder,
        });
    }
    list.sort_by(|a, b| a.text.cmp(&b.text));
    list
}
