//! `#[derive(Settings)]`: a struct, the list of what a user can set, and the code that reads it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Fields, Lit, LitStr, Meta, Result};

pub fn derive(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let form = "`#[derive(Settings)]` is for a struct with named fields and no parameters";
    let Data::Struct(data) = &item.data else { return Err(Error::new_spanned(&item.ident, form)) };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&item.ident, form));
    };
    if !item.generics.params.is_empty() {
        return Err(Error::new_spanned(&item.generics, form));
    }
    let (mut specs, mut loads) = (Vec::new(), Vec::new());
    for field in &fields.named {
        let Some(ident) = &field.ident else { continue };
        let options = Options::of(&field.attrs)?;
        let ty = &field.ty;
        let name = options.name.unwrap_or_else(|| {
            LitStr::new(&ident.to_string().trim_start_matches("r#").replace('_', "-"), ident.span())
        });
        let doc = docs(&field.attrs);
        let one_of = match options.one_of.is_empty() {
            true => quote!(<#ty as ::kafsh_sdk::settings::Value>::ONE_OF),
            false => {
                let values = &options.one_of;
                quote!(&[#(#values),*])
            }
        };
        let default = match &options.default {
            Some(default) => quote!(::core::option::Option::Some(#default)),
            None => quote!(::core::option::Option::None),
        };
        let required = match (&options.default, options.required) {
            (Some(_), _) => quote!(false),
            (None, true) => quote!(true),
            (None, false) => quote!(<#ty as ::kafsh_sdk::settings::Value>::REQUIRED),
        };
        specs.push(quote_spanned! {ty.span()=>
            ::kafsh_sdk::settings::Spec {
                name: #name,
                kind: <#ty as ::kafsh_sdk::settings::Value>::KIND,
                list: <#ty as ::kafsh_sdk::settings::Value>::LIST,
                required: #required,
                default: #default,
                one_of: #one_of,
                doc: #doc,
            }
        });
        let read = match options.required {
            true => quote!(read_required(#name)),
            false => quote!(read(#name, #default)),
        };
        loads.push(quote!(#ident: ::kafsh_sdk::settings::#read?));
    }
    let ident = &item.ident;
    Ok(quote! {
        impl ::kafsh_sdk::settings::Settings for #ident {
            const SPECS: &'static [::kafsh_sdk::settings::Spec] = &[#(#specs),*];

            fn load() -> ::kafsh_sdk::Result<Self> {
                ::core::result::Result::Ok(#ident { #(#loads),* })
            }
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const SPECS: &[::kafsh_sdk::settings::Spec] =
                <#ident as ::kafsh_sdk::settings::Settings>::SPECS;
            #[used]
            #[unsafe(link_section = "kafsh-settings")]
            static SECTION: [u8; ::kafsh_sdk::rt::schema_len(SPECS)] =
                ::kafsh_sdk::rt::schema(SPECS);
        };
    })
}

/// What stands in `#[setting(…)]`.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    default: Option<LitStr>,
    required: bool,
    one_of: Vec<LitStr>,
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("setting")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("default") {
                    options.default = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("required") {
                    options.required = true;
                } else if meta.path.is_ident("one_of") {
                    let list: syn::ExprArray = meta.value()?.parse()?;
                    for value in list.elems {
                        let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = value else {
                            return Err(meta.error("`one_of` is a list of texts"));
                        };
                        options.one_of.push(text);
                    }
                } else {
                    let keys = "only `name`, `default`, `required` and `one_of` stand here";
                    return Err(meta.error(keys));
                }
                Ok(())
            })?;
            if options.required && options.default.is_some() {
                let why = "what has a default is not required";
                return Err(Error::new_spanned(attribute, why));
            }
        }
        Ok(options)
    }
}

/// The doc comment in one line.
pub fn docs(attributes: &[Attribute]) -> String {
    let mut words: Vec<String> = Vec::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            words.extend(text.value().split_whitespace().map(str::to_owned));
        }
    }
    words.join(" ")
}
