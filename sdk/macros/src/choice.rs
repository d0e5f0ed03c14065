//! `#[derive(Choice)]`: an enum whose variants are what a setting may be, in kebab-case.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub fn derive(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let form = "`#[derive(Choice)]` is for an enum whose variants have no fields";
    let Data::Enum(data) = &item.data else { return Err(Error::new_spanned(&item.ident, form)) };
    let (mut variants, mut names) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, form));
        }
        names.push(kebab(&variant.ident.to_string()));
        variants.push(&variant.ident);
    }
    let ident = &item.ident;
    Ok(quote! {
        impl ::kafsh_sdk::settings::Value for #ident {
            const KIND: ::kafsh_sdk::settings::Kind = ::kafsh_sdk::settings::Kind::Text;
            const ONE_OF: &'static [&'static str] = &[#(#names),*];

            fn parse(text: &str) -> ::core::option::Option<Self> {
                match text {
                    #(#names => ::core::option::Option::Some(#ident::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    })
}

/// `KeepFirst` is `keep-first`.
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for (index, c) in name.trim_start_matches("r#").char_indices() {
        if c.is_uppercase() && index > 0 {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn variants_become_words_with_dashes() {
        assert_eq!(super::kebab("KeepFirst"), "keep-first");
        assert_eq!(super::kebab("Key"), "key");
    }
}
