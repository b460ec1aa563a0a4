"""Files that are whole or not there: tensors, states, tables of rows, locks."""
