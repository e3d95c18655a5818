import AMQPCore

extension CrossChecks {
    /// Dead letters that come back to where they died.
    ///
    /// An error where every message that fails would go round as fast as it can; a warning where it waits in between,
    /// or may not go round.
    func checkCircles(_ jobs: [JobDecoder.DecodedJob], _ topology: TopologyDecoder.Topology) {
        let circles = DeadLetterCircles(
            queues: topology.queues,
            exchanges: topology.exchanges,
            jobs: jobs.compactMap(\.definition)
        )
        for circle in circles.all {
            // What has no `dead_letter` ends in a queue with a longer name: one of them has one.
            guard let span = circle.queues.lazy.compactMap({ topology.deadLetters[$0] }).first else { continue }
            let way = (circle.queues + circle.queues.prefix(1)).map { quoted($0) }.joined(separator: " to ")
            switch circle.pace {
            case .atOnce:
                self.log.error(
                    .deadLetterCircle,
                    span,
                    "dead letters go round from \(way): what fails comes back at once, as if it were new",
                    help: Self.remedy
                )
            case .held(let time):
                self.log.warning(
                    .deadLetterCircle,
                    span,
                    "dead letters go round from \(way): a message that always fails comes back every"
                        + " \(DurationText.write(time)), without end",
                    help: "if it is meant as a wait: the job's 'retry' has waits, and counts its attempts"
                )
            case .sometimes:
                self.log.warning(
                    .deadLetterCircle,
                    span,
                    "dead letters may go round from \(way)",
                    help: Self.remedy
                )
            case .dropped:
                self.log.warning(
                    .deadLetterCircle,
                    span,
                    "dead letters go round from \(way), and no job is on the way: the broker drops what comes back to a"
                        + " queue by itself",
                    help: "let them end in a queue that has no dead_letter"
                )
            }
        }
    }

    private static var remedy: String {
        "let them end in a queue that no job consumes; without dead_letter that is QUEUE.dead"
    }
}
