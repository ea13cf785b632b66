use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, parse2};

use crate::{args, names};

/// An item with what every stored or sent type derives; `casing` is the serde attribute that names its parts.
pub(crate) fn with_derives(item: &DeriveInput, casing: &TokenStream) -> TokenStream {
    quote! {
        #[derive(
            ::core::fmt::Debug,
            ::core::clone::Clone,
            ::core::cmp::PartialEq,
            ::nexus::__private::serde::Serialize,
            ::nexus::__private::serde::Deserialize,
            ::nexus::__private::schemars::JsonSchema,
        )]
        #[serde(crate = "::nexus::__private::serde", #casing)]
        #[schemars(crate = "::nexus::__private::schemars")]
        #item
    }
}

/// The item and the impl, or the item and what is wrong with it: the item is there in either case, so that one mistake
/// does not make every mention of the type an error.
pub(crate) fn item_and(item: &TokenStream, implementation: Result<TokenStream>) -> TokenStream {
    let implementation = implementation.unwrap_or_else(|error| error.to_compile_error());
    quote!(#item #implementation)
}

/// `#[nexus::command]`.
pub(crate) fn command(args: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<DeriveInput>(item) {
        Ok(item) => item_and(&with_derives(&item, &struct_casing(&item)), command_impl(args, &item)),
        Err(error) => error.to_compile_error(),
    }
}

fn command_impl(args: TokenStream, item: &DeriveInput) -> Result<TokenStream> {
    args::none("command", args)?;
    named_struct(item, "command")?;
    let name = &item.ident;
    let text = name.to_string();
    Ok(quote! {
        #[automatically_derived]
        impl ::nexus::framework::Command for #name {
            const TYPE: &'static str = #text;
        }
    })
}

/// `#[nexus::value]`.
pub(crate) fn value(args: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<DeriveInput>(item) {
        Ok(item) => {
            let casing = match &item.data {
                _ if names::serde_text(&item.attrs, "rename_all").is_some() => TokenStream::new(),
                Data::Enum(_) => quote!(rename_all = "camelCase", rename_all_fields = "camelCase"),
                _ => struct_casing(&item),
            };
            item_and(&with_derives(&item, &casing), args::none("value", args).map(|()| TokenStream::new()))
        }
        Err(error) => error.to_compile_error(),
    }
}

/// `#[nexus::state]`.
pub(crate) fn state(args: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<DeriveInput>(item) {
        Ok(item) => {
            let casing = struct_casing(&item);
            let derived = quote! {
                #[derive(
                    ::core::fmt::Debug,
                    ::core::clone::Clone,
                    ::core::cmp::PartialEq,
                    ::core::default::Default,
                    ::nexus::__private::serde::Serialize,
                    ::nexus::__private::serde::Deserialize,
                )]
                #[serde(crate = "::nexus::__private::serde", #casing)]
                #item
            };
            item_and(&derived, args::none("state", args).map(|()| TokenStream::new()))
        }
        Err(error) => error.to_compile_error(),
    }
}

/// camelCase for the parts of a struct; on an enum it would rename the variants, which nobody asked for.
pub(crate) fn struct_casing(item: &DeriveInput) -> TokenStream {
    match item.data {
        Data::Enum(_) => quote!(rename_all_fields = "camelCase"),
        _ => quote!(rename_all = "camelCase"),
    }
}

/// The fields of a struct with named fields and without parameters.
pub(crate) fn named_struct<'a>(item: &'a DeriveInput, attribute: &str) -> Result<&'a syn::FieldsNamed> {
    let name = &item.ident;
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(
            name,
            format!(
                "`#[nexus::{attribute}]` goes on a struct: write `struct {name} {{ … }}`, one for each {attribute}"
            ),
        ));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(
            name,
            format!("a {attribute} is a JSON object, so its fields need names: write `struct {name} {{ … }}`"),
        ));
    };
    no_parameters(item, attribute)?;
    Ok(fields)
}

/// Refuses type parameters and lifetimes.
pub(crate) fn no_parameters(item: &DeriveInput, attribute: &str) -> Result<()> {
    if item.generics.params.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(
        &item.generics,
        format!("`#[nexus::{attribute}]` needs one concrete type with one schema: remove the parameters"),
    ))
}
