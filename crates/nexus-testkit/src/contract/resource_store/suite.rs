use crate::contract::blocking_suite;

blocking_suite! {
    /// One `#[test]` for every case of [`contract::resource_store`](crate::contract::resource_store), run against a
    /// type that implements [`ReadStoreFixture`](crate::contract::ReadStoreFixture). Invoke it in a module of its own.
    export $ resource_store_contract, resource_store: [
        a_row_that_was_put_is_found,
        a_put_replaces_the_whole_row,
        a_deleted_row_is_gone,
        changes_apply_in_order,
        every_kind_of_value_survives,
        a_commit_moves_rows_and_checkpoint_together,
        a_commit_that_does_not_fit_changes_nothing,
        a_commit_without_changes_moves_the_checkpoint,
        readers_see_whole_commits_only,
        applying_twice_is_applying_once,
        clearing_removes_rows_and_checkpoint,
        equality_finds_exactly_the_equal,
        comparisons_include_their_bound,
        one_of_several_values_is_enough,
        prefixes_are_taken_literally,
        null_is_found_by_equality_only,
        filters_must_all_hold,
        queries_that_do_not_fit_are_invalid,
        rows_are_sorted_by_every_kind,
        several_sort_keys_weigh_in_order,
        ties_are_broken_by_key,
        pages_visit_every_row_once_in_order,
        pages_of_filtered_rows_tell_the_total,
        the_last_page_has_no_next,
        a_place_to_go_on_from_that_does_not_fit_is_invalid,
        reopening_keeps_rows_and_checkpoint,
        a_changed_spec_empties_the_resource,
        resources_are_apart,
    ]
}
