/// What a part has to tell its worker, in order, each once; it keeps its room for the next round.
struct Outcomes<Outcome> {
    private var all: [Outcome] = []
    private var told = 0

    mutating func append(_ outcome: Outcome) { self.all.append(outcome) }

    /// The next one; nil when all is told.
    mutating func next() -> Outcome? {
        guard self.told < self.all.count else {
            if self.told > 0 {
                self.all.removeAll(keepingCapacity: true)
                self.told = 0
            }
            return nil
        }
        self.told += 1
        return self.all[self.told - 1]
    }
}
