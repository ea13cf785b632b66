//! A bank account, written by hand: the domain the API is tested with.

use nexus_core::framework::{
    Aggregate, Change, Command, CommandHandler, Ctx, Decision, Events, Handle, Project, ReadModel, Recorded, Rejection,
    Row, Source, When,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all_fields = "camelCase")]
pub(crate) enum AccountEvent {
    AccountOpened { owner: String, limit: f64 },
    MoneyDeposited { amount: i64 },
    AccountClosed {},
}

impl Events for AccountEvent {
    const TYPES: &'static [&'static str] = &["AccountOpened", "MoneyDeposited", "AccountClosed"];

    fn event_type(&self) -> &'static str {
        match self {
            Self::AccountOpened { .. } => "AccountOpened",
            Self::MoneyDeposited { .. } => "MoneyDeposited",
            Self::AccountClosed {} => "AccountClosed",
        }
    }
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct OpenAccount {
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) limit: f64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DepositMoney {
    pub(crate) amount: i64,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CloseAccount {}

/// Panics when it is handled.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Explode {}

impl Command for OpenAccount {
    const TYPE: &'static str = "OpenAccount";
}

impl Command for DepositMoney {
    const TYPE: &'static str = "DepositMoney";
}

impl Command for CloseAccount {
    const TYPE: &'static str = "CloseAccount";
}

impl Command for Explode {
    const TYPE: &'static str = "Explode";
}

#[derive(Debug, Default)]
pub(crate) struct Account {
    balance: i64,
}

impl Aggregate for Account {
    type Event = AccountEvent;

    const NAME: &'static str = "Account";

    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::MoneyDeposited { amount } = event {
            self.balance += amount;
        }
    }

    fn handlers() -> Vec<CommandHandler<Self>> {
        vec![
            CommandHandler::of::<OpenAccount>(),
            CommandHandler::of::<DepositMoney>(),
            CommandHandler::of::<CloseAccount>(),
            CommandHandler::of::<Explode>(),
        ]
    }
}

impl Handle<OpenAccount> for Account {
    const WHEN: When = When::Create;

    fn handle(&self, command: OpenAccount, _: &Ctx<'_>) -> Decision<AccountEvent> {
        AccountEvent::AccountOpened { owner: command.owner, limit: command.limit }.into()
    }
}

impl Handle<DepositMoney> for Account {
    const WHEN: When = When::Exists;

    fn handle(&self, command: DepositMoney, _: &Ctx<'_>) -> Decision<AccountEvent> {
        match command.amount {
            0 => Decision::nothing(),
            amount => AccountEvent::MoneyDeposited { amount }.into(),
        }
    }
}

impl Handle<CloseAccount> for Account {
    const WHEN: When = When::Exists;

    fn handle(&self, _: CloseAccount, _: &Ctx<'_>) -> Decision<AccountEvent> {
        if self.balance == 0 {
            return AccountEvent::AccountClosed {}.into();
        }
        Rejection::new("balance-not-zero", format!("the balance is {}, not 0", self.balance)).into()
    }
}

impl Handle<Explode> for Account {
    const WHEN: When = When::Upsert;

    fn handle(&self, _: Explode, _: &Ctx<'_>) -> Decision<AccountEvent> {
        panic!("secret words in /etc/secret")
    }
}

/// The read model `accounts`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccountRow {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) balance: i64,
    pub(crate) limit: f64,
    pub(crate) open: bool,
    pub(crate) history: Vec<i64>,
}

impl ReadModel for AccountRow {
    const RESOURCE: &'static str = "accounts";

    const KEY: &'static str = "id";

    fn sources() -> Vec<Source<Self>> {
        vec![Source::of::<AccountEvent>()]
    }
}

impl Project<AccountEvent> for AccountRow {
    fn on(event: Recorded<AccountEvent>, row: Row<Self>) -> Change<Self> {
        let id = event.aggregate_id.to_string();
        match event.data {
            AccountEvent::AccountOpened { owner, limit } => {
                row.insert(Self { id, owner, balance: 0, limit, open: true, history: Vec::new() })
            }
            AccountEvent::MoneyDeposited { amount } => row.update(|row| {
                row.balance += amount;
                row.history.push(amount);
            }),
            AccountEvent::AccountClosed {} => row.update(|row| row.open = false),
        }
    }
}
