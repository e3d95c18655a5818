extension CrossChecks {
    /// A queue that the file does not know must be there: a slip of the pen would be found at the first tick.
    func checkSchedules(
        _ schedules: [ScheduleDecoder.DecodedSchedule],
        _ jobs: [JobDecoder.DecodedJob],
        _ topology: TopologyDecoder.Topology
    ) {
        let known = topology.queues.map(\.name) + jobs.flatMap { $0.queues.map(\.value) }
        for queue in schedules.compactMap(\.queue) where !known.contains(queue.value) {
            let nearest = NearestName.of(queue.value, among: known).map { "did you mean \(quoted($0))?" }
            self.log.warning(
                .unknownQueue,
                queue.span,
                "the queue \(self.log.quoted(queue.value, at: queue.span)) is not under 'queues', and no job has it;"
                    + " it must exist on the broker",
                help: nearest ?? "say so by declare: passive under 'queues'"
            )
        }
    }
}
