//! JSON values as YAML: block style, every text that could be read as something else in quotes.

use serde_json::Value;

pub fn render(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, item)) in map.iter().enumerate() {
                // The first key of an object in a list stands behind the list's dash.
                if index > 0 || !out.ends_with("- ") {
                    pad(indent, out);
                }
                out.push_str(&scalar_text(key));
                out.push(':');
                nested(item, indent, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || !out.ends_with("- ") {
                    pad(indent, out);
                }
                out.push_str("- ");
                block(item, indent + 2, out);
            }
        }
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn nested(value: &Value, indent: usize, out: &mut String) {
    let is_block = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if is_block {
        out.push('\n');
        block(value, indent + 2, out);
    } else {
        out.push(' ');
        out.push_str(&scalar(value));
        out.push('\n');
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar_text(text),
        Value::Array(_) => "[]".to_string(),
        Value::Object(_) => "{}".to_string(),
        other => other.to_string(),
    }
}

/// Plain only where no reader of YAML 1.1 or 1.2 could take it for anything but this text.
fn scalar_text(text: &str) -> String {
    let first_is_letter = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let lower = text.to_ascii_lowercase();
    let is_word = matches!(
        lower.as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | "nan" | "inf"
    );
    if first_is_letter && text.chars().all(plain) && !is_word {
        return text.to_string();
    }
    // A JSON string is a YAML double-quoted scalar.
    Value::String(text.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_values() {
        let value = json!({
            "name": "demo", "n": 3, "no": "no", "empty": [], "list": [{"a": 1, "b": [1, 2]}, "x y"],
        });
        let wanted = "name: demo\n\"n\": 3\n\"no\": \"no\"\nempty: []\nlist:\n  - a: 1\n    b:\n      - 1\n      - 2\n  - \"x y\"\n";
        assert_eq!(render(&value), wanted);
    }
}
