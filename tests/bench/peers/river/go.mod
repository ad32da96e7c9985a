module exosphere/peers/river

go 1.22

require (
	github.com/jackc/pgx/v5 v5.7.2
	github.com/riverqueue/river v0.51.1
	github.com/riverqueue/river/riverdriver/riverpgxv5 v0.51.1
)
