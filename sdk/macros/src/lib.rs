//! The attributes and derives of `kafsh-sdk`, which documents them.
//!
//! What they write is little: a check of the signature, and a call of the SDK's export macro. A
//! signature is checked natively and for Wasm alike, by one constant, so that a mistake in it gives
//! one error.

mod choice;
mod kinds;
mod settings;

use proc_macro::TokenStream;
use quote::quote;

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// [`finish`] for an attribute: what it stands before stays, so that nothing else is missed.
fn finish_item(item: TokenStream, result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    finish(result.or_else(|error| {
        let error = error.to_compile_error();
        Ok(quote!(#error #item))
    }))
}

/// Fails where an attribute that takes no arguments is given some.
fn no_arguments(name: &str, arguments: &TokenStream) -> syn::Result<()> {
    if arguments.is_empty() {
        return Ok(());
    }
    let place = proc_macro2::TokenStream::from(arguments.clone());
    Err(syn::Error::new_spanned(place, format!("`#[{name}]` takes no arguments")))
}

/// Makes an `impl Step for …` the plugin's step.
#[proc_macro_attribute]
pub fn step(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let result = no_arguments("step", &arguments).and_then(|()| kinds::step(item.clone().into()));
    finish_item(item, result)
}

/// Makes a function the plugin's policy.
#[proc_macro_attribute]
pub fn policy(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let result =
        no_arguments("policy", &arguments).and_then(|()| kinds::policy(item.clone().into()));
    finish_item(item, result)
}

/// Makes a function, or an `impl Transform for …`, the plugin's transform.
#[proc_macro_attribute]
pub fn transform(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let result = kinds::transform(arguments.into(), item.clone().into());
    finish_item(item, result)
}

/// Makes a struct the settings of the plugin.
#[proc_macro_derive(Settings, attributes(setting))]
pub fn derive_settings(item: TokenStream) -> TokenStream {
    finish(settings::derive(item.into()))
}

/// Makes an enum without fields the type of a setting with a few values.
#[proc_macro_derive(Choice, attributes(setting))]
pub fn derive_choice(item: TokenStream) -> TokenStream {
    finish(choice::derive(item.into()))
}
