//! The transform `route`: sends a record to the topic that a field of its value stands for.

use kafsh_sdk::json::{self, Path};
use kafsh_sdk::transform::{Emitter, Record, Transform, transform};
use kafsh_sdk::{Choice, Error, Result, Settings};

#[derive(Clone, Debug, Settings)]
pub struct Routes {
    /// Field of the value that decides, such as `country`
    pub field: String,
    /// Where values go: `VALUE=TOPIC`
    #[setting(required)]
    pub topics: Vec<String>,
    /// What becomes of a record whose field has another value, or is not there
    #[setting(default = "pass")]
    pub otherwise: Otherwise,
}

#[derive(Clone, Copy, Choice, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// To the topic that the pipeline says
    Pass,
    Drop,
    Fail,
}

pub struct Route {
    field: Path,
    topics: Vec<(String, String)>,
    otherwise: Otherwise,
}

#[transform]
impl Transform for Route {
    type Settings = Routes;

    fn configure(settings: Routes) -> Result<Self> {
        let pair = |text: &String| {
            let pair = text.rsplit_once('=').filter(|(_, topic)| !topic.is_empty());
            let (value, topic) = pair
                .ok_or_else(|| Error::new("bad-route", format!("`{text}` is no `VALUE=TOPIC`")))?;
            Ok((value.to_owned(), topic.to_owned()))
        };
        Ok(Route {
            field: Path::parse(&settings.field)?,
            topics: settings.topics.iter().map(pair).collect::<Result<_>>()?,
            otherwise: settings.otherwise,
        })
    }

    fn record(&mut self, record: Record<'_>, out: &mut Emitter<'_>) -> Result<()> {
        let found = match record.value() {
            Some(value) => json::find(value, &self.field)?,
            None => None,
        };
        let value = found.and_then(json::scalar);
        let route = value.as_deref().and_then(|value| {
            self.topics.iter().find(|(known, _)| known == value).map(|(_, topic)| topic)
        });
        match (route, self.otherwise) {
            (Some(topic), _) => out.emit(record.to_topic(topic)),
            (None, Otherwise::Pass) => out.emit(record),
            (None, Otherwise::Drop) => {}
            (None, Otherwise::Fail) => {
                let shown = value.map_or("no value".into(), |value| format!("`{value}`"));
                let message = format!("no topic for {shown} of `{}`", self.field);
                return Err(Error::new("no-route", message));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kafsh_sdk::testing::{self, Ran};

    use super::*;

    fn route(otherwise: Otherwise) -> Route {
        let topics = vec!["de=orders-de".into(), "7=seven".into()];
        Route::configure(Routes { field: "to.country".into(), topics, otherwise }).unwrap()
    }

    fn run(otherwise: Otherwise) -> Ran {
        let records = testing::records("orders")
            .value(r#"{"to": {"country": "de"}}"#)
            .value(r#"{"to": {"country": 7}}"#)
            .value(r#"{"to": {"country": "fr"}}"#)
            .record(Some(b"k"), None)
            .build();
        testing::run(&mut route(otherwise), records)
    }

    fn topics(ran: &Ran) -> Vec<&str> {
        ran.records.iter().map(|record| record.topic.as_deref().unwrap_or("-")).collect()
    }

    #[test]
    fn a_field_decides_where_a_record_goes() {
        let ran = run(Otherwise::Pass);
        assert_eq!((topics(&ran), ran.copied), (vec!["orders-de", "seven", "-", "-"], 0));
        assert_eq!(topics(&run(Otherwise::Drop)), ["orders-de", "seven"]);
        let ran = run(Otherwise::Fail);
        assert_eq!((topics(&ran), ran.codes()), (vec!["orders-de", "seven"], vec!["no-route"; 2]));
        assert_eq!(ran.failures[0].1.message(), "no topic for `fr` of `to.country`");
    }

    #[test]
    fn what_is_no_json_fails() {
        let records = testing::records("orders").value("de").build();
        assert_eq!(testing::run(&mut route(Otherwise::Pass), records).codes(), ["bad-json"]);
    }

    #[test]
    fn what_is_no_route_is_refused() {
        for (field, topic, code) in
            [("a", "x", "bad-route"), ("a", "x=", "bad-route"), ("", "x=y", "unexpected")]
        {
            let routes = Routes {
                field: field.into(),
                topics: vec![topic.into()],
                otherwise: Otherwise::Pass,
            };
            assert_eq!(Route::configure(routes).err().unwrap().code(), code);
        }
    }
}
