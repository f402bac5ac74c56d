"""Deep collaborative filtering: networks over users' histories and items, trained by the one trainer."""
