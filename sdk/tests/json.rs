//! JSON in place against serde_json: the same texts are good, and edits mean the same.

use kafsh_sdk::json::{self, DEPTH_MAX, Edits, Path};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Texts of values, spaced at random.
fn texts() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("\\u0061"), Just("ä\\n")];
    let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i32>().prop_map(|n| n.to_string()),
        Just("-0.5e+3".to_owned()),
        "[ -~äß€😀]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("\"\\ud83d\\ude00\\/\"".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let member = (name.clone(), space.clone(), inner.clone(), space.clone())
            .prop_map(|(name, before, value, after)| format!("\"{name}\"{before}:{value}{after}"));
        let join = |space: &str, parts: Vec<String>| parts.join(&format!(",{space}"));
        let object = (prop::collection::vec(member, 0..5), space.clone());
        let array = (prop::collection::vec(inner, 0..5), space.clone());
        prop_oneof![
            object.prop_map(move |(parts, space)| format!(
                "{{{space}{}{space}}}",
                join(space, parts)
            )),
            array.prop_map(move |(parts, space)| format!("[{space}{}{space}]", join(space, parts))),
        ]
    })
}

fn edited(edits: &Edits, text: &str) -> Option<String> {
    let mut out = b"kept:".to_vec();
    let made = edits.apply(text.as_bytes(), &mut out).ok()?;
    let out = String::from_utf8(out).unwrap();
    let tail = out.strip_prefix("kept:").unwrap();
    if made == 0 {
        assert_eq!(tail, "");
        return Some(text.to_owned());
    }
    Some(tail.to_owned())
}

/// Changes the values at `a.b` and at `c[].a` as `change` says.
fn model(value: &mut Value, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>, &str)) {
    let Some(object) = value.as_object_mut() else { return };
    if let Some(Value::Object(inner)) = object.get_mut("a") {
        change(inner, "b");
    }
    if let Some(Value::Array(list)) = object.get_mut("c") {
        for element in list {
            if let Value::Object(inner) = element {
                change(inner, "a");
            }
        }
    }
}

/// Names twice in one object mean what the last says to serde_json, and both are edited here.
fn has_twins(text: &str) -> bool {
    let value: Value = serde_json::from_str(text).unwrap();
    let names = |text: &str| text.matches("\":").count() + text.matches("\" :").count();
    fn fields(value: &Value) -> usize {
        match value {
            Value::Object(map) => map.len() + map.values().map(fields).sum::<usize>(),
            Value::Array(list) => list.iter().map(fields).sum(),
            _ => 0,
        }
    }
    // Texts may hold `":` as well: then it only counts as one twin too many.
    names(&text.replace("\"\n\t:", "\":")) != fields(&value)
}

proptest! {
    #[test]
    fn removing_setting_and_replacing_mean_what_they_mean_to_a_tree(text in texts()) {
        prop_assume!(!has_twins(&text));
        let tree: Value = serde_json::from_str(&text).unwrap();
        type Change = fn(&mut serde_json::Map<String, Value>, &str);
        let cases: [(Edits, Change); 3] = [
            (Edits::new().remove("a.b").unwrap().remove("c[].a").unwrap(), |map, name| {
                map.shift_remove(name);
            }),
            (Edits::new().set("a.b", "[1]").unwrap().set("c[].a", "[1]").unwrap(), |map, name| {
                map.insert(name.into(), json!([1]));
            }),
            (Edits::new().replace("a.b", "7").unwrap().replace("c[].a", "7").unwrap(), |map, name| {
                if let Some(value) = map.get_mut(name) { *value = json!(7); }
            }),
        ];
        for (edits, change) in cases {
            let mut expected = tree.clone();
            model(&mut expected, &mut |map, name| change(map, name));
            let out = edited(&edits, &text).unwrap();
            let read: Value = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, expected, "{} became {}", text, out);
        }
    }

    #[test]
    fn renaming_keeps_every_value(text in texts()) {
        prop_assume!(!has_twins(&text));
        let edits = Edits::new().rename("a.b", "z\"").unwrap();
        let mut expected: Value = serde_json::from_str(&text).unwrap();
        if let Some(Value::Object(inner)) = expected.pointer_mut("/a")
            && let Some(value) = inner.remove("b")
        {
            inner.insert("z\"".into(), value);
        }
        let out = edited(&edits, &text).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
        let back = edited(&Edits::new().rename("a.\"z\\\"\"", "b").unwrap(), &out).unwrap();
        // Only the name is another, every other byte is as it was.
        prop_assert_eq!(back.replace("\\u0062", "b"), text.replace("\\u0062", "b"));
    }

    #[test]
    fn what_is_good_and_what_is_not_is_agreed_on(
        text in texts(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let theirs = serde_json::from_slice::<Value>(&bytes);
        let ours = json::check(&bytes);
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        let edits = Edits::new().remove("a").unwrap().set("c[].a", "1").unwrap();
        let mut out = Vec::new();
        let applied = edits.apply(&bytes, &mut out);
        prop_assert_eq!(applied.is_ok(), theirs.is_ok());
        prop_assert!(applied.is_ok() || out.is_empty());
        let found = json::find(&bytes, &Path::parse("a.b").unwrap());
        prop_assert_eq!(found.is_ok(), theirs.is_ok());
    }

    #[test]
    fn fields_are_found_as_they_are_written(text in texts()) {
        prop_assume!(!has_twins(&text));
        let tree: Value = serde_json::from_str(&text).unwrap();
        for (path, pointer) in [("a.b", "/a/b"), ("c[0]", "/c/0"), ("b[1].a", "/b/1/a")] {
            let found = json::find(text.as_bytes(), &Path::parse(path).unwrap()).unwrap();
            let read = found.map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
            prop_assert_eq!(read.as_ref(), tree.pointer(pointer));
        }
        let members = json::members(text.trim().as_bytes()).unwrap();
        prop_assert_eq!(members.map(Iterator::count), tree.as_object().map(serde_json::Map::len));
    }

    #[test]
    fn texts_are_quoted_and_read_alike(text in any::<String>()) {
        let mut raw = Vec::new();
        json::quote(&text, &mut raw);
        prop_assert_eq!(serde_json::from_slice::<String>(&raw).unwrap(), text.clone());
        prop_assert_eq!(json::text(&raw).unwrap(), text.clone());
        let theirs = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(json::text(theirs.as_bytes()).unwrap(), text);
    }
}

#[track_caller]
fn becomes(edits: Edits, text: &str, expected: &str) {
    assert_eq!(edited(&edits, text).unwrap(), expected);
}

#[test]
fn bytes_that_are_not_edited_stay() {
    let text = "{ \"a\" : 1.50 ,\n \"b\":{\"x\": \"\\u00e4\" , \"y\":[ ]}, \"c\": 1E2 }";
    becomes(
        Edits::new().remove("b.x").unwrap(),
        text,
        "{ \"a\" : 1.50 ,\n \"b\":{\"y\":[ ]}, \"c\": 1E2 }",
    );
    becomes(
        Edits::new().remove("a").unwrap(),
        text,
        "{ \"b\":{\"x\": \"\\u00e4\" , \"y\":[ ]}, \"c\": 1E2 }",
    );
    becomes(
        Edits::new().remove("c").unwrap(),
        text,
        "{ \"a\" : 1.50 ,\n \"b\":{\"x\": \"\\u00e4\" , \"y\":[ ]} }",
    );
    let all = Edits::new().remove("a").unwrap().remove("b").unwrap().remove("c").unwrap();
    becomes(all, text, "{  }");
    becomes(Edits::new().remove("x").unwrap(), text, text);
}

#[test]
fn fields_are_added_renamed_and_both() {
    becomes(Edits::new().set("a", "1").unwrap().set("b", "2").unwrap(), "{}", r#"{"a":1,"b":2}"#);
    becomes(Edits::new().set("b", "2").unwrap(), r#"{"a": 1 }"#, r#"{"a": 1,"b":2 }"#);
    becomes(Edits::new().set("b", "2").unwrap().remove("a").unwrap(), r#"{"a": 1}"#, r#"{"b":2}"#);
    let both = || Edits::new().rename("a", "z").unwrap().set("a", "2").unwrap();
    becomes(both(), r#"{"a": 1}"#, r#"{"z": 2}"#);
    becomes(both(), r#"{ }"#, r#"{"z":2 }"#);
    becomes(Edits::new().set("a.b", "2").unwrap(), r#"{"a": 1}"#, r#"{"a": 1}"#);
    becomes(Edits::new().remove("[0]").unwrap(), "[1, 2]", "[2]");
    becomes(Edits::new().remove("[]").unwrap(), "[1, 2]", "[]");
    becomes(
        Edits::new().set("[].a", "0").unwrap(),
        r#"[{}, 3, {"a":1}]"#,
        r#"[{"a":0}, 3, {"a":0}]"#,
    );
}

#[test]
fn a_field_that_is_there_twice_is_edited_twice() {
    let text = r#"{"pan": "4111", "p\u0061n": "4222"}"#;
    becomes(Edits::new().set("pan", "0").unwrap(), text, r#"{"pan": 0, "p\u0061n": 0}"#);
    becomes(Edits::new().remove("pan").unwrap(), text, "{}");
}

#[test]
fn a_name_that_is_taken_is_an_error() {
    let edits = Edits::new().rename("a", "b").unwrap();
    for text in [r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#] {
        let error = edits.apply(text.as_bytes(), &mut Vec::new()).unwrap_err();
        assert_eq!((error.code(), error.message()), ("name-taken", "there is a field `b` already"));
    }
    becomes(Edits::new().rename("a", "b").unwrap(), r#"{"b":2}"#, r#"{"b":2}"#);
    // Two that swap their names are in nobody's way.
    let swap = Edits::new().rename("a", "b").unwrap().rename("b", "a").unwrap();
    becomes(swap, r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#);
}

#[test]
fn edits_that_are_in_each_others_way_are_refused() {
    let twice = || Edits::new().remove("a.b").unwrap();
    assert!(twice().set("a.b", "1").is_err());
    assert!(twice().set("a", "1").is_err());
    assert!(twice().remove("a.b.c").is_err());
    assert!(twice().rename("a.b", "c").is_err());
    assert!(Edits::new().remove("a[]").unwrap().remove("a[0]").is_err());
    assert!(Edits::new().rename("a", "c").unwrap().rename("b", "c").is_err());
    assert!(Edits::new().rename("a[0]", "c").is_err());
    assert!(Edits::new().set("a", "{").is_err());
    assert!(Edits::new().remove("a..b").is_err());
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = DEPTH_MAX as usize;
    assert_eq!(json::check(nested(deepest).as_bytes()), Ok(()));
    assert!(json::check(nested(deepest + 1).as_bytes()).is_err());
    assert!(json::check("[".repeat(1_000_000).as_bytes()).is_err());
    let edits = Edits::new().set("[][].a", "1").unwrap();
    assert!(edits.apply(nested(deepest).as_bytes(), &mut Vec::new()).is_ok());
    assert!(edits.apply(nested(deepest + 1).as_bytes(), &mut Vec::new()).is_err());
}

#[test]
fn strings_that_are_values_are_mapped() {
    let mut out = Vec::new();
    let text = r#"{"a": "x", "x": ["x", 1, "y\n"]}"#;
    let change = |text: &str| (text == "x").then(|| "\"".to_owned());
    assert_eq!(json::map_strings(text.as_bytes(), &mut out, change).unwrap(), 2);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"a": "\"", "x": ["\"", 1, "y\n"]}"#);
    let mut out = Vec::new();
    assert!(json::map_strings(b"[\"x\", ", &mut out, change).is_err());
    assert!(out.is_empty());
}
