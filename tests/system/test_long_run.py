import long_run


def test_a_long_run_keeps_no_file_open_and_its_report_can_be_made() -> None:
    found = long_run.run(rounds=40, clients=4)
    assert found.files[0] == found.files[1]
    assert found.growth < 25  # a round's rows are 0.2 MB here: keeping them all would be twice that and more
