/// Writes, from the one list of cases of an asynchronous port, the names and the macro that makes a test of each.
macro_rules! async_suite {
    ($(#[$doc:meta])* export $d:tt $suite:ident, $port:ident: [$($case:ident),+ $(,)?]) => {
        /// The names of all cases, in order.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        $(#[$doc])*
        #[macro_export]
        macro_rules! $suite {
            ($d fixture:ty) => {
                $(
                    #[test]
                    fn $case() -> $crate::contract::Outcome {
                        $crate::contract::run(
                            stringify!($case),
                            $crate::contract::$port::$case::<$d fixture>(),
                        )
                    }
                )+
            };
        }
    };
}

/// The same for a blocking port.
macro_rules! blocking_suite {
    ($(#[$doc:meta])* export $d:tt $suite:ident, $port:ident: [$($case:ident),+ $(,)?]) => {
        /// The names of all cases, in order.
        pub const CASES: &[&str] = &[$(stringify!($case)),+];

        $(#[$doc])*
        #[macro_export]
        macro_rules! $suite {
            ($d fixture:ty) => {
                $(
                    #[test]
                    fn $case() -> $crate::contract::Outcome {
                        $crate::contract::run_blocking(
                            stringify!($case),
                            $crate::contract::$port::$case::<$d fixture>,
                        )
                    }
                )+
            };
        }
    };
}

pub(crate) use {async_suite, blocking_suite};
