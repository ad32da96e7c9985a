-- oldest: 8
-- Texts of clusters that nothing names any more may go: ../postgres/0009_definitions.sql tells how.
CREATE INDEX execution_by_definition ON execution (definition);
