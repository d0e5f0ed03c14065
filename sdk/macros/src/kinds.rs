//! The attributes that make a function or an `impl` what the plugin exports.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, Item, ItemFn, ItemImpl, Result, Type};

const STEP_FORM: &str = "`#[step]` stands before `impl Step for …`";

const POLICY_FORM: &str = "a policy is `fn check(request: &Request) -> Result<Response>`, or takes \
     its settings as well: \
     `fn check(request: &Request, settings: &MySettings) -> Result<Response>`";

const RECORD_FORM: &str = "a transform is `fn name(record: Record<'_>, out: &mut Emitter<'_>) -> \
     Result<()>`, or takes its settings as well, as `settings: &MySettings`; what keeps something \
     between records is `#[transform] impl Transform for …`";

const BATCH_FORM: &str = "a transform of batches is `fn name(records: &Records, out: &mut \
     Emitter<'_>) -> Result<()>`, or takes its settings as well, as `settings: &MySettings`";

pub fn step(item: TokenStream) -> Result<TokenStream> {
    let block = implementation(&item, "Step").ok_or_else(|| wrong(&item, STEP_FORM))?;
    let ty = &block.self_ty;
    Ok(quote! {
        #block
        ::kafsh_sdk::export_step!(#ty);
    })
}

pub fn policy(item: TokenStream) -> Result<TokenStream> {
    let function = function(&item).ok_or_else(|| wrong(&item, POLICY_FORM))?;
    let settings = settings_of(&function, 1, POLICY_FORM)?;
    let call = constant(&function, &quote!(PolicyFn), settings.as_ref(), 1);
    let settings = settings.unwrap_or_else(|| syn::parse_quote!(()));
    Ok(quote! {
        #function
        const _: () = {
            #call
            ::kafsh_sdk::__export_policy!(CALL, #settings);
        };
    })
}

pub fn transform(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let is_batch = match arguments.to_string().as_str() {
        "" => false,
        "batch" => true,
        _ => return Err(wrong(&arguments, "`#[transform]` takes nothing, or `batch`")),
    };
    let form = if is_batch { BATCH_FORM } else { RECORD_FORM };
    if let Some(block) = implementation(&item, "Transform").filter(|_| !is_batch) {
        let ty = &block.self_ty;
        return Ok(quote! {
            #block
            ::kafsh_sdk::__export_transform!(#ty);
        });
    }
    let function = function(&item).ok_or_else(|| wrong(&item, form))?;
    let settings = settings_of(&function, 2, form)?;
    let kind = if is_batch { quote!(BatchFn) } else { quote!(RecordFn) };
    let call = constant(&function, &kind, settings.as_ref(), 2);
    let settings = settings.unwrap_or_else(|| syn::parse_quote!(()));
    let how = if is_batch { quote!(batch) } else { quote!(record) };
    Ok(quote! {
        #function
        const _: () = {
            #call
            ::kafsh_sdk::__export_transform_fn!(#how CALL, #settings);
        };
    })
}

/// `CALL`, the author's function as the SDK calls it, with settings in any case.
fn constant(
    function: &ItemFn,
    kind: &TokenStream,
    settings: Option<&Type>,
    others: usize,
) -> TokenStream {
    let name = &function.sig.ident;
    // The signature's place, for the error that tells of its types. `CALL` is called in a component
    // only.
    let place = function.sig.span();
    match settings {
        Some(settings) => quote_spanned! {place=>
            #[allow(dead_code)]
            const CALL: ::kafsh_sdk::rt::#kind<#settings> = #name;
        },
        None => {
            let names: Vec<Ident> =
                (0..others).map(|n| Ident::new(&format!("a{n}"), Span::call_site())).collect();
            let bare = Ident::new(&format!("{kind}Bare"), Span::call_site());
            quote_spanned! {place=>
                const BARE: ::kafsh_sdk::rt::#bare = #name;
                #[allow(dead_code)]
                const CALL: ::kafsh_sdk::rt::#kind<()> = |#(#names,)* _| BARE(#(#names),*);
            }
        }
    }
}

/// The type behind the reference that follows the first `others` parameters, if there is one.
fn settings_of(function: &ItemFn, others: usize, form: &str) -> Result<Option<Type>> {
    let sig = &function.sig;
    let plain = sig.asyncness.is_none()
        && matches!(sig.safety, syn::Safety::Default)
        && sig.generics.params.is_empty()
        && sig.generics.where_clause.is_none()
        && sig.variadic.is_none()
        && !sig.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_)));
    let count = sig.inputs.len();
    if !plain || !(others..=others + 1).contains(&count) {
        return Err(Error::new_spanned(sig, form));
    }
    match sig.inputs.iter().nth(others) {
        None => Ok(None),
        Some(FnArg::Typed(input)) => match &*input.ty {
            Type::Reference(reference) if reference.mutability.is_none() => {
                Ok(Some((*reference.elem).clone()))
            }
            other => Err(Error::new_spanned(other, "settings come by reference: `&MySettings`")),
        },
        Some(FnArg::Receiver(_)) => Err(Error::new_spanned(sig, form)),
    }
}

fn function(item: &TokenStream) -> Option<ItemFn> {
    match syn::parse2(item.clone()) {
        Ok(Item::Fn(function)) => Some(function),
        _ => None,
    }
}

/// `impl Name for …`, by whatever path.
fn implementation(item: &TokenStream, name: &str) -> Option<ItemImpl> {
    let Ok(Item::Impl(block)) = syn::parse2(item.clone()) else { return None };
    let is_of = {
        let (path, _) = block.trait_.as_ref()?;
        path.segments.last()?.ident == name
    };
    is_of.then_some(block)
}

fn wrong(place: &TokenStream, why: &str) -> Error {
    Error::new_spanned(place, why)
}
