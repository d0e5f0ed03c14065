//! The page that `ui` serves: who is let in, what comes out, and whether everybody can use it.

mod support;

#[path = "support/browser.rs"]
mod browser;
#[path = "support/component.rs"]
mod component;
#[path = "support/http.rs"]
mod http;
#[path = "support/served.rs"]
mod served;

// Named so that it begins first: it waits for real brokers while the others compute.
#[path = "page/walk.rs"]
mod first_walk;
#[path = "page/gate.rs"]
mod gate;
#[path = "page/hostile.rs"]
mod hostile;
#[path = "page/markup.rs"]
mod markup;
#[path = "page/pages.rs"]
mod pages;
#[path = "page/reading.rs"]
mod reading;
#[path = "page/stage.rs"]
mod stage;
#[path = "page/use.rs"]
mod usable;
