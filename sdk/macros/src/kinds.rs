//! The attributes that make a function or an `impl` what the plugin exports.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, Item, ItemFn, ItemImpl, Result, ReturnType, Type};

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
    let settings = settings_of(&function, &[("Request", By::Reference)], POLICY_FORM)?;
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
    let input = if is_batch { ("Records", By::Reference) } else { ("Record", By::Value) };
    let settings = settings_of(&function, &[input, ("Emitter", By::Mutable)], form)?;
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

/// How a parameter is taken.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Value,
    Reference,
    Mutable,
}

/// Checks what can be told without types, and gives the type behind the reference that follows the
/// parameters `own`, if there is one.
fn settings_of(function: &ItemFn, own: &[(&str, By)], form: &str) -> Result<Option<Type>> {
    let sig = &function.sig;
    let plain = sig.asyncness.is_none()
        && matches!(sig.safety, syn::Safety::Default)
        && sig.generics.params.is_empty()
        && sig.generics.where_clause.is_none()
        && sig.variadic.is_none()
        && !matches!(sig.output, ReturnType::Default);
    let mut types = Vec::new();
    for input in &sig.inputs {
        match input {
            FnArg::Typed(input) => types.push(&*input.ty),
            FnArg::Receiver(_) => return Err(Error::new_spanned(sig, form)),
        }
    }
    if !plain || !(own.len()..=own.len() + 1).contains(&types.len()) {
        return Err(Error::new_spanned(sig, form));
    }
    for (ty, (name, by)) in types.iter().zip(own) {
        let (inner, taken) = match ty {
            Type::Reference(of) if of.mutability.is_some() => (&*of.elem, By::Mutable),
            Type::Reference(of) => (&*of.elem, By::Reference),
            other => (*other, By::Value),
        };
        // A type by another name is the compiler's to judge.
        let is_it = matches!(inner, Type::Path(path)
            if path.path.segments.last().is_some_and(|last| last.ident == name));
        if is_it && taken != *by {
            return Err(Error::new_spanned(ty, form));
        }
    }
    match types.get(own.len()) {
        None => Ok(None),
        Some(Type::Reference(reference)) if reference.mutability.is_none() => {
            Ok(Some((*reference.elem).clone()))
        }
        Some(other) => Err(Error::new_spanned(other, "settings come by reference: `&MySettings`")),
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
