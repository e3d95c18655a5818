import AMQPCore

extension MappingReader {
    /// `initial_interval` and `max_interval`, which must not be the shorter one.
    ///
    /// - Parameters:
    ///   - initial: Unless it is given.
    ///   - longest: Unless it is given.
    ///   - limit: What both may be at most.
    /// - Returns: Both.
    func intervals(initial: Duration, longest: Duration, limit: (initial: Duration, longest: Duration)) -> (
        initial: Duration, longest: Duration
    ) {
        let first = self.duration("initial_interval", in: .milliseconds(1)...limit.initial)
        let last = self.duration("max_interval", in: .milliseconds(1)...limit.longest)
        let start = first?.value ?? initial
        let end = last?.value ?? longest
        if end < start, let span = (last ?? first)?.span {
            self.log.error(
                .conflict,
                span,
                "'max_interval' \(DurationText.write(end)) is shorter than"
                    + " 'initial_interval' \(DurationText.write(start))"
            )
        }
        return (start, end)
    }
}
