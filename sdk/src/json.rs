//! JSON.
#[derive(Debug)]
pub struct JsonError;
impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("x")
    }
}
impl std::error::Error for JsonError {}
pub fn check(_: &[u8]) -> std::result::Result<(), JsonError> {
    Err(JsonError)
}
