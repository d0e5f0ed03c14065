//! An option that settings do not have.

use kafsh_sdk::Settings;

#[derive(Settings)]
struct Mine {
    #[setting(defualt = "3")]
    _max: u32,
}

fn main() {}
