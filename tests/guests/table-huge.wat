;; Wants a huge table from the start.
(table 100000000 funcref)
