//! A shell that says what a test told it to, for the tests of this crate.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use kafsh_model::port::BoxFuture;
use kafsh_model::{Error, Result};
use serde_json::Value;

use crate::ask::{Answer, Ask, Browse, Progress, Question, Records};
use crate::pages::Request;

enum Reply {
    Value(Value),
    Error(Error),
    Never,
}

/// Answers by the words of the question.
#[derive(Default)]
pub struct Told {
    replies: HashMap<String, Reply>,
    /// How long each batch of records takes
    slowly: Duration,
    asked: Mutex<Vec<String>>,
}

impl Told {
    pub fn new() -> Self {
        Told::default()
    }

    pub fn answers(mut self, line: &str, value: Value) -> Self {
        self.replies.insert(line.to_string(), Reply::Value(value));
        self
    }

    pub fn fails(mut self, line: &str, error: Error) -> Self {
        self.replies.insert(line.to_string(), Reply::Error(error));
        self
    }

    pub fn hangs(mut self, line: &str) -> Self {
        self.replies.insert(line.to_string(), Reply::Never);
        self
    }

    pub fn slowly(self, slowly: Duration) -> Self {
        Told { slowly, ..self }
    }

    pub fn count(&self, line: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == line).count()
    }
}

impl Ask for Told {
    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Answer>> {
        let line = question.words().join(" ");
        self.asked.lock().unwrap().push(line.clone());
        let reply = match self.replies.get(&line) {
            Some(Reply::Value(value)) => Ok(Answer { value: value.clone(), ..Answer::default() }),
            Some(Reply::Error(error)) => Err(error.clone()),
            Some(Reply::Never) => return Box::pin(std::future::pending()),
            None => Err(Error::not_found("topic-not-found", format!("nobody told `{line}`"))),
        };
        Box::pin(async move { reply })
    }

    fn browse(&self, browse: Browse) -> BoxFuture<'static, Result<Box<dyn Records>>> {
        let line = browse.consume.words().join(" ");
        self.asked.lock().unwrap().push(line.clone());
        let records = match self.replies.get(&line) {
            Some(Reply::Value(value)) => value.as_array().cloned().unwrap_or_default(),
            Some(Reply::Error(error)) => {
                let error = error.clone();
                return Box::pin(async move { Err(error) });
            }
            Some(Reply::Never) => return Box::pin(std::future::pending()),
            None => Vec::new(),
        };
        let told =
            Recorded { records: Some(records), progress: Progress::default(), slowly: self.slowly };
        Box::pin(async move { Ok(Box::new(told) as Box<dyn Records>) })
    }

    fn program(&self) -> Vec<String> {
        ["kafsh", "-C", "demo"].map(String::from).to_vec()
    }

    fn cluster(&self) -> String {
        "demo".to_string()
    }
}

/// A request for a path with its parameters.
pub fn request(address: &str) -> Request {
    Request::parse(address).expect("an address of the page")
}

/// Records that are there at once, or after a time; who gives up waiting for them gets none.
struct Recorded {
    slowly: Duration,
    records: Option<Vec<Value>>,
    progress: Progress,
}

impl Records for Recorded {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Vec<Value>>>> {
        let batch = self.records.take();
        for record in batch.iter().flatten() {
            self.progress.scanned += 1;
            let partition = i32::try_from(record["partition"].as_i64().unwrap_or(0)).unwrap_or(0);
            self.progress.next.insert(partition, record["offset"].as_i64().unwrap_or(0) + 1);
        }
        let slowly = self.slowly;
        Box::pin(async move {
            tokio::time::sleep(slowly).await;
            Ok(batch)
        })
    }

    fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Vec<String>>> {
        Box::pin(async { Ok(vec!["the filter failed at some".to_string()]) })
    }
}
