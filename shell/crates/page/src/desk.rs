//! Where pages ask: the same question within a moment is asked once, every answer has a deadline,
//! and what was asked is kept for the page to name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kafsh_model::{Error, Result};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::advice;
use crate::ask::{Answer, Ask, Browse, Question, Records};
use crate::pages::Request;
use crate::trend::Trends;

/// How long an answer serves those who ask the same: ten open pages cost as much as one.
const ANSWER_AGE_MAX: Duration = Duration::from_secs(1);

/// Bound on one answer: a broker that hangs makes a page say so, not hang with it.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(6);

/// Most questions whose answers are kept.
const QUESTIONS_MAX: usize = 64;

/// One outcome, when it was read and how it is asked for at the prompt.
#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    /// ms since 1970
    pub read_ms: i64,
    pub outcome: Result<Answer>,
}

impl Asked {
    /// What was answered; null where nothing was.
    pub fn value(&self) -> &Value {
        self.outcome.as_ref().map_or(&Value::Null, |answer| &answer.value)
    }

    /// The rows of an answer that is a list.
    pub fn rows(&self) -> &[Value] {
        self.value().as_array().map_or(&[], Vec::as_slice)
    }

    pub fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("command".to_string(), json!(self.line));
        fields.insert("read_ms".to_string(), json!(self.read_ms));
        match &self.outcome {
            Ok(answer) => {
                fields.insert("value".to_string(), answer.value.clone());
                fields.insert("notes".to_string(), json!(answer.notes));
            }
            Err(error) => {
                fields.insert("error".to_string(), json!(error));
            }
        }
        Value::Object(fields)
    }
}

/// An answer, from when it is there on.
type Slot = Arc<OnceCell<(Instant, Asked)>>;

/// Somebody waits for it, or it came a moment ago.
fn serves(slot: &Slot) -> bool {
    match slot.get() {
        Some((since, _)) => since.elapsed() < ANSWER_AGE_MAX,
        None => Arc::strong_count(slot) > 1,
    }
}

/// Shared by all pages of one server.
pub struct Desk {
    ask: Arc<dyn Ask>,
    pub trends: Trends,
    kept: Mutex<HashMap<Question, Slot>>,
}

impl Desk {
    pub fn new(ask: Arc<dyn Ask>) -> Self {
        Desk { ask, trends: Trends::default(), kept: Mutex::default() }
    }

    pub fn cluster(&self) -> String {
        self.ask.cluster()
    }

    /// How the program is called for this cluster.
    pub fn program(&self) -> Vec<String> {
        self.ask.program()
    }

    /// Records are read anew for each who asks.
    ///
    /// # Errors
    /// Those of [`Ask::browse`].
    pub async fn browse(&self, browse: Browse) -> Result<Box<dyn Records>> {
        self.ask.browse(browse).await.map_err(|error| self.advise(error))
    }

    async fn ask(&self, question: Question) -> Asked {
        let slot = self.slot(&question);
        let asked = async || {
            let asked = self.ask_now(question).await;
            (Instant::now(), asked)
        };
        slot.get_or_init(asked).await.1.clone()
    }

    async fn ask_now(&self, question: Question) -> Asked {
        let program = self.ask.program();
        let line = question.line(&program);
        let asked = tokio::time::timeout(ANSWER_DEADLINE, self.ask.ask(question)).await;
        let outcome = asked.unwrap_or_else(|_| Err(too_late(&line)));
        let outcome = outcome.map_err(|error| self.advise(error)).map(|mut answer| {
            answer.notes.iter_mut().for_each(|note| *note = advice::note(&program, note));
            answer
        });
        Asked { line, read_ms: Timestamp::now().as_millisecond(), outcome }
    }

    /// An error as it is shown on a page.
    pub fn advise(&self, error: Error) -> Error {
        advice::error(&self.ask.program(), error)
    }

    fn slot(&self, question: &Question) -> Slot {
        let mut kept = self.kept();
        kept.retain(|_, slot| serves(slot));
        if kept.len() >= QUESTIONS_MAX {
            kept.clear();
        }
        kept.entry(question.clone()).or_default().clone()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Question, Slot>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_late(line: &str) -> Error {
    Error::timed_out(format!("no answer within {} s", ANSWER_DEADLINE.as_secs()))
        .with_cause("a server that is asked may be paused, or a network silent")
        .with_next(line.to_string())
        .with_next("cluster doctor")
}

/// One look at one page: its request, and what it asked.
pub struct Visit {
    pub desk: Arc<Desk>,
    pub request: Request,
    /// In the order in which they were asked; `None` until the answer is there
    asked: Mutex<Vec<(&'static str, Option<Asked>)>>,
}

impl Visit {
    pub fn new(desk: Arc<Desk>, request: Request) -> Self {
        Visit { desk, request, asked: Mutex::default() }
    }

    /// Asks, and keeps the answer under `key` for the page's JSON and its list of commands.
    pub async fn ask(&self, key: &'static str, question: Question) -> Asked {
        self.slots().push((key, None));
        let asked = self.desk.ask(question).await;
        self.keep(key, asked.clone());
        asked
    }

    /// Keeps what was found out in another way.
    pub fn keep(&self, key: &'static str, asked: Asked) {
        let mut slots = self.slots();
        match slots.iter_mut().find(|(known, there)| *known == key && there.is_none()) {
            Some((_, there)) => *there = Some(asked),
            None => slots.push((key, Some(asked))),
        }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<(&'static str, Option<Asked>)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In the order in which they were asked.
    pub fn asked(&self) -> Vec<(&'static str, Asked)> {
        let there = |(key, asked): &(&'static str, Option<Asked>)| Some((*key, asked.clone()?));
        self.slots().iter().filter_map(there).collect()
    }

    /// The address has a value that no question can be asked with.
    pub fn is_malformed(&self) -> bool {
        let wrong = |asked: &Asked| asked.error().is_some_and(|error| error.code == "bad-value");
        self.asked().iter().any(|(_, asked)| wrong(asked))
    }

    /// The same data for a program.
    pub fn to_json(&self) -> Value {
        let answers: Map<String, Value> =
            self.asked().iter().map(|(key, asked)| (key.to_string(), asked.to_json())).collect();
        json!({ "page": self.request.address(), "cluster": self.desk.cluster(), "answers": answers
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Told, request};

    #[tokio::test(start_paused = true)]
    async fn the_same_question_is_asked_once_in_a_moment() {
        let told = Arc::new(Told::new().answers("topic list", json!([])));
        let desk = Arc::new(Desk::new(told.clone()));
        let question = || Question::new(["topic", "list"]);
        let (a, b) = tokio::join!(desk.ask(question()), desk.ask(question()));
        assert!(a.outcome.is_ok() && b.outcome.is_ok());
        assert_eq!(told.count("topic list"), 1);
        tokio::time::advance(ANSWER_AGE_MAX).await;
        desk.ask(question()).await.outcome.unwrap();
        assert_eq!(told.count("topic list"), 2);
    }

    /// A broker that hangs is not asked anew by each look of each page.
    #[tokio::test(start_paused = true)]
    async fn who_comes_later_waits_for_the_same_answer() {
        let told = Arc::new(Told::new().hangs("cluster status"));
        let desk = Arc::new(Desk::new(told.clone()));
        let question = || Question::new(["cluster", "status"]);
        let later = async {
            tokio::time::sleep(3 * ANSWER_AGE_MAX).await;
            desk.ask(question()).await
        };
        let (first, second) = tokio::join!(desk.ask(question()), later);
        assert!(first.error().is_some() && second.error().is_some());
        assert_eq!(told.count("cluster status"), 1);
        // Nobody waits any more: whoever went away leaves nothing behind.
        drop(tokio::time::timeout(ANSWER_AGE_MAX, desk.ask(question())).await);
        tokio::time::advance(ANSWER_AGE_MAX).await;
        drop(tokio::time::timeout(ANSWER_AGE_MAX, desk.ask(question())).await);
        assert!(desk.kept().len() <= 1);
    }

    #[tokio::test]
    async fn what_an_error_advises_can_be_typed_in_a_terminal() {
        let refused = Error::unavailable("unavailable", "no broker answers");
        let told = Told::new().fails("topic list", refused.with_next("broker list"));
        let desk = Arc::new(Desk::new(Arc::new(told)));
        let asked = desk.ask(Question::new(["topic", "list"])).await;
        assert_eq!(asked.error().unwrap().next, ["kafsh -C demo broker list"]);
        let shown = crate::layout::remarks(&asked).into_string();
        assert!(shown.contains("<code>kafsh -C demo broker list</code>"), "{shown}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_does_not_come_is_said_to_be_late() {
        let desk = Arc::new(Desk::new(Arc::new(Told::new().hangs("cluster status"))));
        let visit = Visit::new(desk, request("/"));
        let asked = visit.ask("status", Question::new(["cluster", "status"])).await;
        let error = asked.error().unwrap();
        assert_eq!(error.class, kafsh_model::Class::TimedOut);
        assert_eq!(error.next[0], "kafsh -C demo cluster status");
        let json = visit.to_json();
        assert_eq!(json["answers"]["status"]["command"], "kafsh -C demo cluster status");
        assert_eq!(json["answers"]["status"]["error"]["code"], "timed-out");
    }
}
