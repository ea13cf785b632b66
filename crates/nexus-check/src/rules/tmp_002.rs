use super::{Draft, Looked, Rule};
use crate::{
    Level,
    facts::{Facts, Limit},
};

/// NX-TMP-002: what sends stored events again without a bound asks who wants them.
pub(crate) struct ReplaysAreAuthorized;

impl Rule for ReplaysAreAuthorized {
    fn id(&self) -> &'static str {
        "NX-TMP-002"
    }

    fn level(&self) -> Level {
        Level::Error
    }

    fn check(&self, facts: &Facts) -> Vec<Looked> {
        let mut looked = Vec::new();
        for service in &facts.services {
            for endpoint in service.endpoints.iter().filter(|endpoint| endpoint.replay.is_some()) {
                let bounded =
                    endpoint.max_range.as_ref().is_some_and(|range| Limit::wrong_range(&range.value).is_none());
                let asks = endpoint.authorization.as_ref();
                let authorized = asks.is_some_and(|asks| Limit::is_authorization(&asks.value));
                let (method, path) = (&endpoint.method, &endpoint.path.value);
                let draft = (!bounded && !authorized).then(|| {
                    let range = asks.map_or_else(|| endpoint.path.range.clone(), |asks| asks.range.clone());
                    let message = format!("`{method} {path}` sends all stored events again to whoever asks");
                    Draft::new(service.place(range), format!("{method} {path}/authorization"), message)
                        .fix("say who may, such as `authorization = \"role:operator\"`, or bound it with `max-range`")
                        .shown("a replay without end reads the whole log and gives away all that is in it", None)
                        .of(Some(service))
                });
                let name = format!("{} {method} {path}", service.name.value);
                looked.push(Looked::at(name, draft.into_iter().collect()));
            }
        }
        looked
    }
}
