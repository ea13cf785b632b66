use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Variant, parse2};

use crate::{args, data, names, upcast};

/// `#[nexus::event]`.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    match parse2::<DeriveInput>(item) {
        Ok(mut item) => {
            let history = upcast::take(&mut item);
            let derived = data::with_derives(&item, &data::struct_casing(&item));
            let named = quote! {
                #[allow(clippy::enum_variant_names, reason = "an event is named in full, as it is stored")]
                #derived
            };
            data::item_and(&named, history.and_then(|history| events_impl(args, &item, &history)))
        }
        Err(error) => error.to_compile_error(),
    }
}

fn events_impl(args: TokenStream, item: &DeriveInput, history: &[upcast::History]) -> Result<TokenStream> {
    args::none("event", args)?;
    let name = &item.ident;
    let Data::Enum(body) = &item.data else {
        return Err(Error::new_spanned(
            name,
            format!(
                "`#[nexus::event]` goes on the enum of all events of an aggregate: \
                 write `enum {name} {{ SomethingHappened {{ … }}, … }}`; a struct inside an event is a `#[nexus::value]`"
            ),
        ));
    };
    data::no_parameters(item, "event")?;
    default_tagging(item)?;
    if body.variants.is_empty() {
        return Err(Error::new_spanned(name, "an aggregate needs at least one event: add a variant"));
    }
    body.variants.iter().try_for_each(json_object)?;
    let variants = body.variants.iter().map(|variant| &variant.ident);
    let types: Vec<_> = body.variants.iter().map(names::event_type).collect();
    let history = upcast::methods(history, &types);
    Ok(quote! {
        #[automatically_derived]
        impl ::nexus::framework::Events for #name {
            const TYPES: &'static [&'static str] = &[#(#types),*];

            fn event_type(&self) -> &'static str {
                match self {
                    #(Self::#variants { .. } => #types,)*
                }
            }

            #history
        }
    })
}

/// The payload of a variant has to be a JSON object.
fn json_object(variant: &Variant) -> Result<()> {
    match &variant.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() != 1 => Err(Error::new_spanned(
            variant,
            format!(
                "the payload of an event is a JSON object, so its fields need names: write `{} {{ … }}`",
                variant.ident
            ),
        )),
        _ => Ok(()),
    }
}

/// Serde attributes that would change how the enum itself is written break its form in the log.
fn default_tagging(item: &DeriveInput) -> Result<()> {
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        let mut wrong = None;
        // What is malformed here is reported by serde's own derive.
        _ = attribute.parse_nested_meta(|meta| {
            if ["tag", "content", "untagged", "rename_all"].iter().any(|name| meta.path.is_ident(name)) {
                wrong = Some(meta.path.clone());
            }
            meta.value().and_then(|value| value.parse::<syn::Lit>()).map(drop)
        });
        if let Some(path) = wrong {
            return Err(Error::new_spanned(
                path,
                "events are stored by type and payload, so the enum keeps serde's default form: remove this; \
                 one event type is renamed with `#[serde(rename = \"…\")]` on its variant",
            ));
        }
    }
    Ok(())
}
