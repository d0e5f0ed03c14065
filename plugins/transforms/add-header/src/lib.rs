//! The transform `add-header`: adds headers to every record.

use kafsh_sdk::transform::{Emitter, Outgoing, Record, Transform, transform};
use kafsh_sdk::{Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Headers {
    /// Headers to add: `NAME=VALUE`
    #[setting(required)]
    pub headers: Vec<String>,
    /// Whether headers of that name that are there are taken away
    #[setting(default = "true")]
    pub replace: bool,
}

pub struct AddHeader {
    headers: Vec<(String, String)>,
    replace: bool,
}

#[transform]
impl Transform for AddHeader {
    type Settings = Headers;

    fn configure(settings: Headers) -> Result<Self> {
        let pair = |text: &String| {
            let named = text.split_once('=').filter(|(name, _)| !name.is_empty());
            let (name, value) = named
                .ok_or_else(|| Error::new("bad-header", format!("`{text}` is no `NAME=VALUE`")))?;
            Ok((name.to_owned(), value.to_owned()))
        };
        let headers = settings.headers.iter().map(pair).collect::<Result<_>>()?;
        Ok(AddHeader { headers, replace: settings.replace })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        let mut outgoing = Outgoing::from(record);
        for (name, value) in &self.headers {
            if self.replace {
                outgoing = outgoing.without_header(name);
            }
            outgoing = outgoing.with_header(name, value);
        }
        out.emit(outgoing);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing;

    use super::*;

    fn add(headers: &[&str], replace: bool) -> Result<AddHeader> {
        let headers = headers.iter().map(|&text| text.to_owned()).collect();
        AddHeader::configure(Headers { headers, replace })
    }

    fn headers(mut add: AddHeader) -> Vec<(String, Option<Vec<u8>>)> {
        let records = testing::records("t").keyed("k", "v").header("env", "old").build();
        let ran = testing::run(&mut add, records);
        assert_eq!(ran.values(), ["v"]);
        ran.records[0].headers.clone()
    }

    #[test]
    fn headers_are_added_and_replaced() {
        let pair = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        let replaced = headers(add(&["env=new", "team=a=b"], true).unwrap());
        assert_eq!(replaced, [pair("env", "new"), pair("team", "a=b")]);
        let both = headers(add(&["env=new"], false).unwrap());
        assert_eq!(both, [pair("env", "old"), pair("env", "new")]);
    }

    #[test]
    fn what_is_no_header_is_refused() {
        for bad in ["env", "=x"] {
            assert_eq!(add(&[bad], true).err().unwrap().code(), "bad-header");
        }
    }
}
