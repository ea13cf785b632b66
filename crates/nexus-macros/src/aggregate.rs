use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Meta, Result, ReturnType, Type, parse2,
    spanned::Spanned as _,
};

use crate::{args::Args, span::here};

/// `#[nexus::aggregate]`.
pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut block = match parse2::<Item>(item) {
        Ok(Item::Impl(block)) if block.trait_.is_none() => block,
        Ok(other) => return with_error(&other, &wrong_item(&other)),
        Err(error) => return error.to_compile_error(),
    };
    let marked = take_marks(&mut block);
    match aggregate_impls(args, &block, marked) {
        Ok(impls) => quote!(#block #impls),
        Err(error) => with_error(&block, &error),
    }
}

/// The person's code stays, so that one mistake does not make every mention of it an error.
fn with_error(code: &dyn ToTokens, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#code #error)
}

fn wrong_item(item: &Item) -> Error {
    let message = "`#[nexus::aggregate]` goes on the `impl` block of the state: `impl Order { fn apply(…) … }`";
    match item {
        Item::Struct(item) => {
            Error::new_spanned(&item.ident, format!("{message}; the struct itself is a `#[nexus::state]`"))
        }
        other => Error::new_spanned(other, message),
    }
}

/// A function marked `#[handle]`.
struct Marked {
    function: usize,
    mark: Attribute,
}

/// Removes the `#[handle]` marks, which mean nothing to the compiler.
fn take_marks(block: &mut ItemImpl) -> Vec<Marked> {
    let mut marks = Vec::new();
    for (index, item) in block.items.iter_mut().enumerate() {
        if let ImplItem::Fn(function) = item {
            for mark in function.attrs.extract_if(.., |attribute| attribute.path().is_ident("handle")) {
                marks.push(Marked { function: index, mark });
            }
        }
    }
    marks
}

fn aggregate_impls(args: TokenStream, block: &ItemImpl, marked: Vec<Marked>) -> Result<TokenStream> {
    let mut args = Args::parse("aggregate", &["events"], args)?;
    let events = match args.types("events", "OrderEvent")?.as_slice() {
        [event] => event.clone(),
        [_, second, ..] => {
            return Err(Error::new_spanned(second, "an aggregate has one enum of events: keep one"));
        }
        [] => return Err(Error::new(Span::call_site(), "`events` names no type")),
    };
    let name = state_name(block)?;
    let apply = apply_impl(block, &events)?;
    let handlers = handlers(block, marked)?;
    let state = &block.self_ty;
    let text = name.to_string();
    let list = handlers.iter().map(|handler| {
        let command = &handler.command;
        quote_spanned!(here(command)=> ::nexus::framework::CommandHandler::<Self>::of::<#command>())
    });
    let impls = handlers.iter().map(|handler| handler.implementation(state, &events));
    Ok(quote! {
        #[automatically_derived]
        impl ::nexus::framework::Aggregate for #state {
            type Event = #events;
            const NAME: &'static str = #text;

            #apply

            fn handlers() -> ::std::vec::Vec<::nexus::framework::CommandHandler<Self>> {
                ::std::vec![#(#list),*]
            }
        }

        #(#impls)*
    })
}

fn state_name(block: &ItemImpl) -> Result<&Ident> {
    let plain = match &*block.self_ty {
        Type::Path(path) => path.path.segments.last().filter(|segment| segment.arguments.is_empty()),
        _ => None,
    };
    match plain {
        Some(segment) if block.generics.params.is_empty() => Ok(&segment.ident),
        _ => Err(Error::new_spanned(
            &block.self_ty,
            "an aggregate is one concrete type with one name: remove the parameters",
        )),
    }
}

fn functions(block: &ItemImpl) -> impl Iterator<Item = &ImplItemFn> {
    block.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

fn apply_impl(block: &ItemImpl, events: &Type) -> Result<TokenStream> {
    let signature = format!("fn apply(&mut self, event: &{})", tight(events));
    let Some(apply) = functions(block).find(|function| function.sig.ident == "apply") else {
        return Err(Error::new_spanned(
            &block.self_ty,
            format!("the aggregate does not follow its events: add `{signature} {{ match event {{ … }} }}`"),
        ));
    };
    let receiver = apply.sig.receiver();
    let changes = receiver.is_some_and(|receiver| {
        receiver.reference.is_some() && receiver.mutability.is_some() && receiver.colon_token.is_none()
    });
    let plain = apply.sig.asyncness.is_none() && matches!(apply.sig.output, ReturnType::Default);
    if !changes || !plain || apply.sig.inputs.len() != 2 {
        return Err(Error::new_spanned(
            &apply.sig,
            format!("`apply` changes the state by one event and cannot fail: write `{signature}`"),
        ));
    }
    let call = quote_spanned!(here(&apply.sig.inputs)=> Self::apply(self, event););
    Ok(quote! {
        fn apply(&mut self, event: &Self::Event) {
            #call
        }
    })
}

/// One decision of the aggregate.
struct Handler<'a> {
    function: &'a ImplItemFn,
    when: Ident,
    command: &'a Type,
    takes_ctx: bool,
}

fn handlers(block: &ItemImpl, marked: Vec<Marked>) -> Result<Vec<Handler<'_>>> {
    let mut handlers: Vec<Handler<'_>> = Vec::new();
    for Marked { function, mark } in marked {
        let Some(ImplItem::Fn(function)) = block.items.get(function) else {
            continue;
        };
        let handler = Handler::read(function, &mark)?;
        if let Some(earlier) = handlers.iter().find(|earlier| tight(earlier.command) == tight(handler.command)) {
            return Err(Error::new_spanned(
                handler.command,
                format!(
                    "`{}` handles `{}` already; an aggregate decides a command in one place: \
                     keep one, or give the other a command of its own",
                    earlier.function.sig.ident,
                    tight(handler.command)
                ),
            ));
        }
        handlers.push(handler);
    }
    if handlers.is_empty() {
        return Err(Error::new_spanned(
            &block.self_ty,
            "the aggregate handles no command: put `#[handle(create)]` on the function that decides its first event",
        ));
    }
    Ok(handlers)
}

impl<'a> Handler<'a> {
    fn read(function: &'a ImplItemFn, mark: &Attribute) -> Result<Self> {
        let signature = &function.sig;
        let name = &signature.ident;
        let when = when(mark)?;
        if let Some(word) = &signature.asyncness {
            return Err(Error::new_spanned(
                word,
                format!("`{name}` decides from what it is given and does no I/O: remove `async`"),
            ));
        }
        let mut inputs = signature.inputs.iter();
        match inputs.next() {
            Some(FnArg::Receiver(receiver))
                if receiver.reference.is_some() && receiver.mutability.is_none() && receiver.colon_token.is_none() => {}
            Some(first) => return Err(wrong_receiver(first, name)),
            None => return Err(wrong_receiver(&signature.ident, name)),
        }
        let (command, takes_ctx) = match (inputs.next(), inputs.next(), inputs.next()) {
            (Some(FnArg::Typed(command)), ctx, None) if !matches!(&*command.ty, Type::Reference(_)) => {
                (&*command.ty, ctx.is_some())
            }
            _ => {
                return Err(Error::new_spanned(
                    &signature.inputs,
                    format!(
                        "`{name}` takes one command by value and, if it wants them, its circumstances: \
                         write `fn {name}(&self, command: SomeCommand)` or add `ctx: &Ctx<'_>`"
                    ),
                ));
            }
        };
        if matches!(signature.output, ReturnType::Default) {
            return Err(Error::new_spanned(
                name,
                format!("`{name}` answers nothing: let it return `Decision<…>` or `Result<…, Rejection>`"),
            ));
        }
        Ok(Self { function, when, command, takes_ctx })
    }

    fn implementation(&self, state: &Type, events: &Type) -> TokenStream {
        let Self { function, when, command, takes_ctx } = self;
        let name = &function.sig.ident;
        let (ctx, argument) = if *takes_ctx { (quote!(ctx), quote!(, ctx)) } else { (quote!(_), TokenStream::new()) };
        let place = match &function.sig.output {
            ReturnType::Type(_, answer) => here(answer),
            ReturnType::Default => here(name),
        };
        let answer = quote_spanned! {place=>
            ::nexus::framework::Decision::<#events>::from(Self::#name(self, command #argument))
        };
        let handle = quote_spanned!(here(command)=> ::nexus::framework::Handle<#command>);
        quote! {
            #[automatically_derived]
            impl #handle for #state {
                const WHEN: ::nexus::framework::When = ::nexus::framework::When::#when;

                fn handle(
                    &self,
                    command: #command,
                    #ctx: &::nexus::framework::Ctx<'_>,
                ) -> ::nexus::framework::Decision<#events> {
                    #answer
                }
            }
        }
    }
}

fn wrong_receiver(code: &dyn ToTokens, name: &Ident) -> Error {
    Error::new_spanned(
        code,
        format!("`{name}` decides and changes nothing, `apply` does that: its first parameter is `&self`"),
    )
}

fn when(mark: &Attribute) -> Result<Ident> {
    let place = mark.path().span();
    match &mark.meta {
        Meta::Path(_) => Ok(Ident::new("Exists", place)),
        Meta::List(list) => match list.tokens.to_string().as_str() {
            "create" => Ok(Ident::new("Create", place)),
            "upsert" => Ok(Ident::new("Upsert", place)),
            other => Err(Error::new_spanned(
                &list.tokens,
                format!(
                    "unknown argument `{other}`: write `#[handle]` (it must exist), `#[handle(create)]` \
                     (it must not exist) or `#[handle(upsert)]` (either)"
                ),
            )),
        },
        Meta::NameValue(_) => {
            Err(Error::new_spanned(mark, "write `#[handle]`, `#[handle(create)]` or `#[handle(upsert)]`"))
        }
    }
}

/// A type as a person writes it.
fn tight(code: &impl ToTokens) -> String {
    code.to_token_stream().to_string().replace(' ', "")
}
