//! Configuration of a librdkafka client: ours, then the user's `-X` properties, then what is fixed
//! because a promise hangs on it.

use std::ffi::CString;
use std::ptr::NonNull;

use kafsh_model::port::Target;
use kafsh_model::{Error, Result};
use rdkafka::bindings as rd;

use super::error::describe;
use crate::wire::connection::CLIENT_ID;

/// Room for librdkafka's message about a property.
const ERROR_BYTES: usize = 512;

/// Properties that users cannot change, whichever client it is, with the reason.
const NOT_YOURS: &[(&str, &str)] = &[
    ("bootstrap.servers", "the addresses come from the cluster or from `-B`"),
    ("metadata.broker.list", "the addresses come from the cluster or from `-B`"),
    ("group.id", "groups are joined with `--group`"),
    ("transactional.id", "transactions are not supported here"),
    ("plugin.library.paths", "foreign code is not loaded into the shell"),
    ("log.queue", "log lines are collected, never printed"),
    ("delivery.report.only.error", "every record's outcome is reported"),
];

/// An owned `rd_kafka_conf_t`.
pub(crate) struct Conf(NonNull<rd::rd_kafka_conf_t>);

// SAFETY: a configuration is plain data without ties to a thread.
unsafe impl Send for Conf {}

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: owned, and not handed to `rd_kafka_new`, which goes through `into_raw`.
        unsafe { rd::rd_kafka_conf_destroy(self.0.as_ptr()) };
    }
}

enum Refusal {
    Unknown,
    Invalid(String),
}

impl Conf {
    /// `ours` are defaults that `target.client` wins over; `fixed` are not.
    pub fn build(target: &Target, ours: &[(&str, String)], fixed: &[(&str, &str)]) -> Result<Conf> {
        // SAFETY: no arguments; the result is owned.
        let raw = unsafe { rd::rd_kafka_conf_new() };
        let raw = NonNull::new(raw).ok_or_else(|| Error::bug("no memory for a configuration"))?;
        let mut conf = Conf(raw);
        let bootstrap = target.bootstrap.join(",");
        conf.set_own("bootstrap.servers", &bootstrap)?;
        conf.set_own("client.id", CLIENT_ID)?;
        conf.set_own("log.queue", "true")?;
        // A broker that just restarted should be found again in tens of milliseconds.
        conf.set_own("reconnect.backoff.ms", "20")?;
        conf.set_own("reconnect.backoff.max.ms", "1000")?;
        // How long a search for a leader sleeps when it found no broker to ask.
        conf.set_own("topic.metadata.refresh.fast.interval.ms", "20")?;
        conf.set_own("socket.nagle.disable", "true")?;
        // KIP-714: brokers may ask clients to push measurements. This one sends none.
        conf.set_own("enable.metrics.push", "false")?;
        for (key, value) in ours {
            conf.set_own(key, value)?;
        }
        for (key, value) in &target.client {
            conf.set_users(key, value, fixed)?;
        }
        for (key, value) in fixed {
            conf.set_own(key, value)?;
        }
        // SAFETY: `raw` is valid; without the default callback nothing reaches standard error.
        unsafe { rd::rd_kafka_conf_set_log_cb(raw.as_ptr(), None) };
        Ok(conf)
    }

    fn set_own(&mut self, key: &str, value: &str) -> Result<()> {
        self.set(key, value).map_err(|refusal| match refusal {
            Refusal::Unknown => Error::bug(format!("librdkafka does not know `{key}`")),
            Refusal::Invalid(why) => {
                Error::bug(format!("librdkafka refuses `{key}={value}`")).with_cause(why)
            }
        })
    }

    fn set_users(&mut self, key: &str, value: &str, fixed: &[(&str, &str)]) -> Result<()> {
        let refused = |why: String| {
            Error::usage("fixed-property", format!("`{key}` cannot be set")).with_cause(why)
        };
        if let Some((_, reason)) = NOT_YOURS.iter().find(|(name, _)| *name == key) {
            return Err(refused((*reason).to_string()));
        }
        self.set(key, value).map_err(|refusal| match refusal {
            Refusal::Unknown => Error::usage("unknown-property", format!("no property `{key}`"))
                .with_cause("librdkafka knows no client property of that name"),
            Refusal::Invalid(_) if keeps_secret(key) => {
                Error::usage("invalid-property", format!("`{key}` cannot have this value"))
                    .with_cause("librdkafka refuses it; it is not shown, as it may be a secret")
            }
            Refusal::Invalid(why) => {
                Error::usage("invalid-property", format!("`{key}` cannot be `{value}`"))
                    .with_cause(why)
            }
        })?;
        // Compared as librdkafka understands it: `all` is `-1`.
        match fixed.iter().find(|(name, _)| *name == key) {
            Some((_, pinned)) if self.get(key).as_deref() != Some(*pinned) => {
                Err(refused(format!("kafsh relies on `{key}={pinned}`")))
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let Ok(key) = CString::new(key) else { return Err(Refusal::Unknown) };
        let Ok(value) = CString::new(value) else {
            return Err(Refusal::Invalid("it holds a NUL".to_string()));
        };
        let mut text = [0_u8; ERROR_BYTES];
        // SAFETY: the strings end in NUL, the buffer has the length told.
        let result = unsafe {
            rd::rd_kafka_conf_set(
                self.0.as_ptr(),
                key.as_ptr(),
                value.as_ptr(),
                text.as_mut_ptr().cast(),
                text.len(),
            )
        };
        match result {
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN => Err(Refusal::Unknown),
            rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID => Err(Refusal::Invalid(c_text(&text))),
        }
    }

    /// The value in force of a property, where it has one.
    pub fn get(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        let mut size = ERROR_BYTES;
        let mut text = vec![0_u8; size];
        // SAFETY: the key ends in NUL, the buffer has the length told.
        let result = unsafe {
            rd::rd_kafka_conf_get(
                self.0.as_ptr(),
                key.as_ptr(),
                text.as_mut_ptr().cast(),
                &mut size,
            )
        };
        (result == rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK).then(|| c_text(&text))
    }

    pub(super) fn as_ptr(&mut self) -> *mut rd::rd_kafka_conf_t {
        self.0.as_ptr()
    }

    /// Makes the client. On failure librdkafka leaves the configuration with us.
    pub(super) fn into_client(self, kind: rd::rd_kafka_type_t) -> Result<NonNull<rd::rd_kafka_t>> {
        let mut text = [0_u8; ERROR_BYTES];
        // SAFETY: the configuration is valid, the buffer has the length told.
        let raw = unsafe {
            rd::rd_kafka_new(kind, self.0.as_ptr(), text.as_mut_ptr().cast(), text.len())
        };
        match NonNull::new(raw) {
            Some(client) => {
                // The client owns it now.
                std::mem::forget(self);
                Ok(client)
            }
            None => {
                // SAFETY: reads the calling thread's last error.
                let code = unsafe { rd::rd_kafka_last_error() } as i32;
                Err(Error::usage("invalid-property", "the client's properties do not fit together")
                    .with_cause(c_text(&text))
                    .with_evidence(format!("librdkafka: {}", describe(code))))
            }
        }
    }
}

/// Whether the value of a client's property must not be shown: what holds for Kafka's keys, and
/// librdkafka's own.
fn keeps_secret(key: &str) -> bool {
    const ENDS: [&str; 3] = [".pem", "_key", "oauthbearer.config"];
    kafsh_model::keys::is_sensitive(key) || ENDS.iter().any(|end| key.ends_with(end))
}

/// The text before the first NUL.
pub(super) fn c_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn target(client: &[(&str, &str)]) -> Target {
        Target {
            bootstrap: vec!["127.0.0.1:1".into(), "127.0.0.1:2".into()],
            zookeeper: None,
            client: client.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn a_secret_that_is_refused_is_not_shown() {
        for key in ["ssl.key.password", "ssl.key.pem", "ssl.certificate.pem", "sasl.password"] {
            let error = build(&[(key, "hunter2\0")]).err().expect(key);
            assert_eq!(error.code, "invalid-property", "{key}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let error = build(&[("linger.ms", "soon")]).err().unwrap();
        assert!(error.message.contains("`soon`"), "{error:?}");
    }

    fn build(client: &[(&str, &str)]) -> Result<Conf> {
        let ours = [("linger.ms", "1".to_string()), ("client.id", "kafsh".to_string())];
        Conf::build(&target(client), &ours, &[("acks", "-1")])
    }

    #[test]
    fn the_users_properties_win_over_ours_but_not_over_promises() {
        let conf = build(&[("linger.ms", "7"), ("client.id", "me")]).unwrap();
        assert_eq!(conf.get("queue.buffering.max.ms").as_deref(), Some("7"));
        assert_eq!(conf.get("client.id").as_deref(), Some("me"));
        assert_eq!(conf.get("bootstrap.servers").as_deref(), Some("127.0.0.1:1,127.0.0.1:2"));
        assert!(build(&[("acks", "-1")]).is_ok() && build(&[("acks", "all")]).is_ok());
        for (key, value, code) in [
            ("acks", "1", "fixed-property"),
            ("bootstrap.servers", "x:1", "fixed-property"),
            ("linger", "1", "unknown-property"),
            ("li\0nger", "1", "unknown-property"),
            ("linger.ms", "soon", "invalid-property"),
        ] {
            let error = build(&[(key, value)]).err().unwrap();
            assert_eq!((error.code.as_ref(), error.class), (code, kafsh_model::Class::Usage));
            assert!(error.message.contains(key) || key.contains('\0'), "{error:?}");
        }
    }
}
