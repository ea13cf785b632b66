use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Error, FieldsNamed, LitStr, Result, parse2};

use crate::{
    args::{self, Args},
    data, names,
    span::here,
};

/// `#[nexus::projection]`.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<DeriveInput>(item) {
        Ok(item) => {
            let derived = data::with_derives(&item, &data::struct_casing(&item));
            data::item_and(&derived, read_model_impl(args, &item))
        }
        Err(error) => error.to_compile_error(),
    }
}

fn read_model_impl(args: TokenStream, item: &DeriveInput) -> Result<TokenStream> {
    let mut args = Args::parse("projection", &["resource", "key", "events"], args)?;
    let resource = args.text("resource", "\"orders\"")?;
    let key = args.text("key", "\"id\"")?;
    let events = args.types("events", "OrderEvent")?;
    let fields = data::named_struct(item, "projection")?;
    resource_name(&resource)?;
    known_field(&key, fields, item)?;
    let name = &item.ident;
    let sources =
        events.iter().map(|event| quote_spanned!(here(event)=> ::nexus::framework::Source::<Self>::of::<#event>()));
    Ok(quote! {
        #[automatically_derived]
        impl ::nexus::framework::ReadModel for #name {
            const RESOURCE: &'static str = #resource;
            const KEY: &'static str = #key;

            fn sources() -> ::std::vec::Vec<::nexus::framework::Source<Self>> {
                ::std::vec![#(#sources),*]
            }
        }
    })
}

/// A resource is a part of a URL and the name of a file.
fn resource_name(resource: &LitStr) -> Result<()> {
    let name = resource.value();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::new(
        resource.span(),
        "a resource is named by lowercase letters, digits and `-`, starting with a letter: `open-orders`",
    ))
}

fn known_field(key: &LitStr, fields: &FieldsNamed, item: &DeriveInput) -> Result<()> {
    let known: Vec<_> = fields.named.iter().map(names::json_name).collect();
    if known.contains(&key.value()) {
        return Ok(());
    }
    Err(Error::new(
        key.span(),
        format!("`{}` is not a field of `{}`; in JSON its fields are {}", key.value(), item.ident, args::list(known)),
    ))
}
