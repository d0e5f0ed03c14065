//! `settings`: what the user set, and secrets that can be used but not read.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use wasmtime::component::Resource;

use super::host::settings::{Host, HostSecret};
use crate::guest::{GuestState, LimitReached};
use crate::limits::SECRETS_HELD_MAX;

/// A handle that a guest holds; its number is the secret's place among the settings.
pub struct LentSecret;

impl Host for GuestState {
    fn values(&mut self, name: String) -> wasmtime::Result<Vec<String>> {
        Ok(self.settings.values.get(&name).cloned().unwrap_or_default())
    }

    fn get_secret(&mut self, name: String) -> wasmtime::Result<Option<Resource<LentSecret>>> {
        let place = self.settings.secrets.keys().position(|known| *known == name);
        let Some(place) = place.and_then(|place| u32::try_from(place).ok()) else {
            return Ok(None);
        };
        if self.secrets_held == SECRETS_HELD_MAX {
            return Err(wasmtime::Error::new(LimitReached {
                what: "handles of secrets",
                limit: SECRETS_HELD_MAX,
                requested: SECRETS_HELD_MAX + 1,
            }));
        }
        self.secrets_held += 1;
        Ok(Some(Resource::new_own(place)))
    }
}

impl HostSecret for GuestState {
    fn hmac_sha256(
        &mut self,
        handle: Resource<LentSecret>,
        data: Vec<u8>,
    ) -> wasmtime::Result<Vec<u8>> {
        // The engine gives out only handles that `secret` made, whose places do not change.
        let place = handle.rep() as usize;
        let secret = self.settings.secrets.values().nth(place);
        let secret = secret.ok_or_else(|| wasmtime::Error::msg("a handle of no secret"))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).expect("HMAC takes any key");
        mac.update(&data);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn drop(&mut self, _handle: Resource<LentSecret>) -> wasmtime::Result<()> {
        self.secrets_held = self.secrets_held.saturating_sub(1);
        Ok(())
    }
}
