use super::{Draft, Looked, Rule};
use crate::{
    Level,
    facts::{At, Endpoint, Facts, Limit, ServiceManifest},
};

/// NX-TMP-001: what answers with the past is bounded, in how often and in how much.
pub(crate) struct TemporalReadsAreBounded;

impl Rule for TemporalReadsAreBounded {
    fn id(&self) -> &'static str {
        "NX-TMP-001"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked = Vec::new();
        for service in &facts.services {
            for endpoint in service.endpoints.iter().filter(|endpoint| endpoint.temporal.is_some()) {
                let name = format!("{} {} {}", service.name.value, endpoint.method, endpoint.path.value);
                looked.push(Looked::at(name, drafts(service, endpoint)));
            }
        }
        looked
    }
}

type Wrong = fn(&str) -> Option<&'static str>;

fn drafts(service: &ServiceManifest, endpoint: &Endpoint) -> Vec<Draft> {
    let bounds: [(&str, &Option<At<String>>, Wrong, &str); 2] = [
        ("rate-limit", &endpoint.rate_limit, Limit::wrong_rate, "10/s"),
        ("max-range", &endpoint.max_range, Limit::wrong_range, "30d"),
    ];
    let draft = |(member, bound, wrong, example): (&str, &Option<At<String>>, Wrong, &str)| {
        let reason = match bound {
            None => Some(format!("has no `{member}`")),
            Some(bound) => wrong(&bound.value).map(|form| format!("has the `{member}` `{}`; {form}", bound.value)),
        }?;
        let range = bound.as_ref().map_or_else(|| endpoint.path.range.clone(), |bound| bound.range.clone());
        let (method, path) = (&endpoint.method, &endpoint.path.value);
        Some(
            Draft::new(
                service.place(range),
                format!("{method} {path}/{member}"),
                format!("`{method} {path}` answers with the past and {reason}"),
            )
            .fix(format!("bound it, for example `{member} = \"{example}\"`, and let the service keep to it"))
            .shown("a question about the past folds as many events as there are", None)
            .of(Some(service)),
        )
    };
    bounds.into_iter().filter_map(draft).collect()
}
