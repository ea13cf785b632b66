use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, LitInt, Result, Token,
    parse::{Parse, ParseStream},
};

/// What a variant says about the earlier versions of its schema.
#[derive(Default)]
pub(crate) struct History {
    version: Option<LitInt>,
    upcasters: Vec<UpcastArgs>,
}

/// `from = 1, with = …`
struct UpcastArgs {
    from: LitInt,
    with: Expr,
}

impl Parse for UpcastArgs {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let form = "an upcaster is declared as `#[upcast(from = 1, with = …)]`";
        let member = |name: &str| -> Result<()> {
            let given: syn::Ident = input.parse().map_err(|error| Error::new(error.span(), form))?;
            if given != name {
                return Err(Error::new(given.span(), format!("expected `{name}`: {form}")));
            }
            input.parse::<Token![=]>().map(drop)
        };
        member("from")?;
        let from: LitInt = input.parse()?;
        if from.base10_parse::<u32>()? == 0 {
            return Err(Error::new(from.span(), "schema versions are counted from 1"));
        }
        input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), form))?;
        member("with")?;
        let with = input.parse()?;
        _ = input.parse::<Option<Token![,]>>()?;
        if input.is_empty() { Ok(Self { from, with }) } else { Err(input.error(form)) }
    }
}

/// Takes the attributes `upcast` and `schema_version` off the variants, which the compiler does not know.
pub(crate) fn take(item: &mut DeriveInput) -> Result<Vec<History>> {
    let Data::Enum(body) = &mut item.data else {
        return Ok(Vec::new());
    };
    let mut failed: Option<Error> = None;
    let mut all = Vec::new();
    for variant in &mut body.variants {
        let mut history = History::default();
        variant.attrs.retain(|attribute| match history.read(attribute) {
            Ok(own) => !own,
            Err(error) => {
                match &mut failed {
                    Some(failed) => failed.combine(error),
                    None => failed = Some(error),
                }
                false
            }
        });
        all.push(history);
    }
    failed.map_or(Ok(all), Err)
}

impl History {
    /// Reads one attribute; false when it is somebody else's.
    fn read(&mut self, attribute: &Attribute) -> Result<bool> {
        if attribute.path().is_ident("upcast") {
            self.upcasters.push(attribute.parse_args()?);
        } else if attribute.path().is_ident("schema_version") {
            let version: LitInt = attribute.parse_args()?;
            if version.base10_parse::<u32>()? == 0 {
                return Err(Error::new(version.span(), "schema versions are counted from 1"));
            }
            if self.version.replace(version).is_some() {
                return Err(Error::new_spanned(attribute, "a variant has one schema version; keep one"));
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// The methods of `Events` that say it, for variants of these event types; none when there is nothing to say.
pub(crate) fn methods(all: &[History], types: &[String]) -> TokenStream {
    let versions = all.iter().zip(types).filter_map(|(history, name)| {
        let version = history.version.as_ref()?;
        Some(quote!(#name => ::core::option::Option::Some(#version),))
    });
    let versions: Vec<_> = versions.collect();
    let upcasters = all.iter().zip(types).flat_map(|(history, name)| {
        history.upcasters.iter().map(
            move |UpcastArgs { from, with }| quote!(::nexus::framework::DeclaredUpcaster::new(#name, #from, #with)),
        )
    });
    let upcasters: Vec<_> = upcasters.collect();
    let version_method = (!versions.is_empty()).then(|| {
        quote! {
            fn schema_version(event_type: &str) -> ::core::option::Option<u32> {
                match event_type {
                    #(#versions)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    });
    let upcasters_method = (!upcasters.is_empty()).then(|| {
        quote! {
            fn upcasters() -> ::std::vec::Vec<::nexus::framework::DeclaredUpcaster> {
                ::std::vec![#(#upcasters),*]
            }
        }
    });
    quote!(#version_method #upcasters_method)
}
