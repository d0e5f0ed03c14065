//! As much of HTML as is needed to see what markup a page consists of: whatever stands behind a `<`
//! is a tag, since every `<` of a text is written as `&lt;`.

/// A tag as a page wrote it.
#[derive(Debug, PartialEq)]
pub struct Tag {
    pub name: String,
    /// Values without their quotes, decoded
    pub attributes: Vec<(String, String)>,
}

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The opening tags of a document.
pub fn tags(document: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with(['/', '!']) {
            continue;
        }
        let (tag, after) = tag(rest);
        found.push(tag);
        rest = after;
    }
    found
}

fn tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(text.len());
    let mut tag = Tag { name: text[..end].to_ascii_lowercase(), attributes: Vec::new() };
    let mut rest = text[end..].trim_start_matches(['/', ' ', '\n']);
    while !rest.is_empty() && !rest.starts_with('>') {
        let end = rest.find(['=', '>', ' ', '\n', '/']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let mut value = "";
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').unwrap_or(quoted.len());
            value = &quoted[..end];
            rest = quoted.get(end + 1..).unwrap_or_default();
        } else if let Some(bare) = rest.strip_prefix('=') {
            let end = bare.find([' ', '>', '\n']).unwrap_or(bare.len());
            value = &bare[..end];
            rest = &bare[end..];
        }
        tag.attributes.push((name, decoded(value)));
        rest = rest.trim_start_matches(['/', ' ', '\n']);
    }
    (tag, rest)
}

/// What links of a document lead to.
pub fn links(document: &str) -> Vec<String> {
    let tags = tags(document).into_iter().filter(|tag| tag.name == "a");
    tags.filter_map(|tag| tag.attribute("href").map(str::to_string)).collect()
}

/// A text as it stands in a document.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

fn decoded(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#39;", "'").replace("&amp;", "&")
}

#[test]
fn tags_are_read_as_a_browser_reads_them() {
    let text =
        r#"<!DOCTYPE html><p id=a class="b c" hidden>1 &lt;b></p><IMG src=x onerror="y()"/>"#;
    let tags = tags(text);
    assert_eq!(tags.len(), 2, "{tags:?}");
    assert_eq!((tags[0].attribute("id"), tags[0].attribute("class")), (Some("a"), Some("b c")));
    assert_eq!(tags[0].attribute("hidden"), Some(""));
    assert_eq!((tags[1].name.as_str(), tags[1].attribute("onerror")), ("img", Some("y()")));
    assert_eq!(links(r#"<a href="/a?b=1&amp;c=2">x</a><a>y</a>"#), ["/a?b=1&c=2"]);
    assert_eq!(decoded(&escaped("<a b=\"c\">&lt;")), "<a b=\"c\">&lt;");
}
