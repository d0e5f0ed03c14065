//! Files that travel in the binary.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};

/// Path below `/assets/`, media type, bytes.
const FILES: &[(&str, &str, &str)] = &[
    ("page.css", "text/css; charset=utf-8", include_str!("../assets/page.css")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("../assets/page.js")),
    ("htmx.js", "text/javascript; charset=utf-8", include_str!("../assets/htmx.min.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// They change with the program alone, and its address changes with each start.
const KEPT: &str = "private, max-age=3600";

/// A file by its name; there are no folders, so no path can lead out of one.
pub fn response(name: &str) -> Response {
    let Some((_, media, text)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers: [(HeaderName, &str); 2] = [(CONTENT_TYPE, media), (CACHE_CONTROL, KEPT)];
    (headers, *text).into_response()
}
