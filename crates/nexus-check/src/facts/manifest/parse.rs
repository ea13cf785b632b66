use std::sync::Arc;

use toml::de::DeTable;

use super::{
    At,
    members::{Members, malformed},
    model::{Consumed, Endpoint, Produced, Role, ServiceManifest},
};
use crate::{CheckError, facts::text::Text};

const TOP: &[&str] = &["service", "produces", "consumes", "calls", "endpoints", "immutability"];
const SERVICE: &[&str] = &["name", "context", "owner", "role", "description", "hosts", "tables", "crates"];
const PRODUCES: &[&str] = &["event", "version", "digest", "schema"];
const CONSUMES: &[&str] = &["event", "versions"];
const CALLS: &[&str] = &["service", "reason"];
const ENDPOINTS: &[&str] = &["method", "path", "temporal", "replay", "rate-limit", "max-range", "authorization"];

impl ServiceManifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`CheckError::Malformed`] with the place of what is wrong.
    pub(crate) fn parse(text: Arc<Text>) -> Result<Self, CheckError> {
        let document = DeTable::parse(&text.text).map_err(|error| {
            let range = error.span().unwrap_or(0..0);
            malformed(&text, range, error.message().to_owned(), "make it valid TOML")
        })?;
        let whole = document.span().start..document.span().start;
        let top = Members::new(&text, document.get_ref(), whole, "a service manifest", TOP)?;
        let missing = || malformed(&text, 0..0, "there is no [service]", "add `[service]` with its `name` and `owner`");
        let service = top.table("service", "[service]", SERVICE)?.ok_or_else(missing)?;
        let name = service.required("name", service.string("name")?)?;
        let context = service.string("context")?.map_or_else(|| name.value.clone(), |context| context.value);
        let mut hosts = vec![name.value.clone()];
        hosts.extend(service.strings("hosts")?.unwrap_or_default().into_iter().map(|host| host.value));
        let immutability = top.table("immutability", "[immutability]", &["tables"])?;
        Ok(Self {
            context,
            owner: service.string("owner")?,
            role: role(&text, &service)?,
            hosts,
            tables: service.strings("tables")?.unwrap_or_default(),
            crates: service.strings("crates")?.unwrap_or_default(),
            immutable: immutability.map(|table| table.strings("tables")).transpose()?.flatten(),
            produces: each(&top, "produces", "[[produces]]", PRODUCES, produced)?,
            consumes: each(&top, "consumes", "[[consumes]]", CONSUMES, consumed)?,
            calls: each(&top, "calls", "[[calls]]", CALLS, call)?,
            endpoints: each(&top, "endpoints", "[[endpoints]]", ENDPOINTS, endpoint)?,
            name,
            text: Arc::clone(&text),
        })
    }
}

fn each<'a, T>(
    top: &Members<'a>,
    name: &str,
    title: &'static str,
    known: &[&str],
    read: fn(&Members<'a>) -> Result<T, CheckError>,
) -> Result<Vec<T>, CheckError> {
    top.tables(name, title, known)?.iter().map(read).collect()
}

fn role(text: &Text, service: &Members<'_>) -> Result<Role, CheckError> {
    let Some(At { value, range }) = service.string("role")? else { return Ok(Role::Service) };
    let known = Role::ALL.iter().find(|(name, _)| *name == value);
    known.map(|(_, role)| *role).ok_or_else(|| {
        let names: Vec<_> = Role::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        malformed(text, range, format!("there is no role `{value}`"), format!("write one of {}", names.join(", ")))
    })
}

fn produced(table: &Members<'_>) -> Result<Produced, CheckError> {
    Ok(Produced {
        event: table.required("event", table.string("event")?)?,
        version: table.required("version", table.number("version")?)?,
        digest: table.string("digest")?,
        schema: table.string("schema")?,
    })
}

fn consumed(table: &Members<'_>) -> Result<Consumed, CheckError> {
    Ok(Consumed {
        event: table.required("event", table.string("event")?)?,
        versions: table.required("versions", table.parsed("versions")?)?,
    })
}

fn call(table: &Members<'_>) -> Result<At<String>, CheckError> {
    table.required("reason", table.string("reason")?)?;
    table.required("service", table.string("service")?)
}

fn endpoint(table: &Members<'_>) -> Result<Endpoint, CheckError> {
    let on = |name: &str| Ok(table.flag(name)?.filter(|flag| flag.value).map(|flag| flag.range));
    Ok(Endpoint {
        method: table.string("method")?.map_or_else(|| "GET".to_owned(), |method| method.value),
        path: table.required("path", table.string("path")?)?,
        temporal: on("temporal")?,
        replay: on("replay")?,
        rate_limit: table.string("rate-limit")?,
        max_range: table.string("max-range")?,
        authorization: table.string("authorization")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ServiceManifest, CheckError> {
        ServiceManifest::parse(Arc::new(Text::new("orders/nexus.service.toml", text.into())))
    }

    fn refused(text: &str) -> (u32, u32, String, String) {
        match parsed(text).unwrap_err() {
            CheckError::Malformed { line, column, reason, fix, .. } => (line, column, reason, fix),
            other => panic!("{other}"),
        }
    }

    const WHOLE: &str = r#"
[service]
name = "orders"
context = "sales"
owner = "team-orders"
role = "command"
tables = ["orders"]

[[produces]]
event = "OrderPlaced"
version = 2

[[consumes]]
event = "PaymentReceived"
versions = ">=1, <3"

[[endpoints]]
method = "GET"
path = "/orders/{id}/at"
temporal = true
rate-limit = "10/s"

[immutability]
tables = ["order_facts"]
"#;

    #[test]
    fn a_manifest_says_what_is_written_in_it_and_where() {
        let manifest = parsed(WHOLE).unwrap();
        assert_eq!((manifest.name.value.as_str(), manifest.context.as_str()), ("orders", "sales"));
        assert_eq!(manifest.role, Role::Command);
        let produced = &manifest.produces[0];
        assert_eq!((produced.event.value.as_str(), produced.version.value), ("OrderPlaced", 2));
        let place = manifest.place(produced.version.range.clone());
        assert_eq!((place.start.line, place.start.column), (11, 11));
        assert!(manifest.consumes[0].versions.value.contains(2));
        assert!(manifest.endpoints[0].temporal.is_some() && manifest.endpoints[0].replay.is_none());
        assert_eq!(manifest.immutable.as_ref().unwrap()[0].value, "order_facts");
    }

    #[test]
    fn an_unknown_member_is_refused_at_its_place_with_the_nearest_name() {
        let (line, column, reason, fix) = refused("[service]\nname = \"a\"\nownr = \"b\"\n");
        assert_eq!((line, column), (3, 1));
        assert!(reason.contains("`ownr`") && fix.contains("did you mean `owner`?"), "{reason} {fix}");
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_refused_at_its_place() {
        for (text, line, says) in [
            ("", 1, "no [service]"),
            ("service = 1", 1, "a table"),
            ("[service]\nowner = \"x\"", 1, "no `name`"),
            ("[service]\nname = \"\"", 2, "not empty"),
            ("[service]\nname = \"a\"\nrole = \"king\"", 3, "no role `king`"),
            ("[service]\nname = \"a\"\n[[produces]]\nevent = \"E\"", 3, "no `version`"),
            ("[service]\nname = \"a\"\n[[produces]]\nevent = \"E\"\nversion = 0", 5, "above zero"),
            ("[service]\nname = \"a\"\n[[consumes]]\nevent = \"E\"\nversions = \"^1\"", 5, "`^1`"),
            ("[service]\nname = \"a\"\n[[calls]]\nservice = \"b\"", 3, "no `reason`"),
            ("[service]\nname = \"a\"\n[[endpoints]]\npath = \"/\"\ntemporal = 1", 5, "`true` or `false`"),
            ("[service]\nname = \"a\"\ntables = [\"x\", 2]", 3, "a list of texts"),
            ("[service]\nname = \"a", 2, ""),
        ] {
            let (found, _, reason, _) = refused(text);
            assert!(found == line && reason.contains(says), "{text}: {found} {reason}");
        }
    }

    #[test]
    fn a_manifest_nested_without_end_is_refused_and_ends_nothing() {
        refused(&format!("a = {}", "[".repeat(200_000)));
        refused(&format!("a = {}", "{ a = ".repeat(200_000)));
    }
}
