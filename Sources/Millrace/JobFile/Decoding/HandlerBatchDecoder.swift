/// Reads a job's `batch`, and checks it against the job's other numbers.
struct HandlerBatchDecoder {
    let log: DiagnosticLog

    /// The settings are the job's, with `defaults` below.
    func decode(_ job: MappingReader, _ settings: JobSettings) -> HandlerBatch? {
        guard let pair = job.pair("batch"), let reader = job.mapping("batch", .handlerBatch) else { return nil }
        let size = reader.int("size", in: 1...65_535)
        let timeout = reader.duration("timeout", in: .zero ... .seconds(3600))
        if let tasks = settings.tasksPerThread, tasks.value > 1 {
            self.log.error(
                .conflict,
                pair.keySpan,
                "a thread has one batch at a time, and the job has \(self.log.shown(tasks)) tasks per thread",
                help: "leave tasks_per_thread out; more threads handle more batches at once"
            )
        }
        let prefetch = settings.prefetch?.value ?? 20
        var batch = HandlerBatch.unlessGiven(prefetch: prefetch)
        if let timeout { batch.timeout = timeout.value }
        guard let size else { return batch }
        batch.size = size.value
        // Without acks the broker sends whatever it has.
        let most = settings.prefetch.map { self.log.shown($0) } ?? "20"
        if size.value > prefetch, settings.ackMode?.value != AckPolicy.Mode.none {
            self.log.error(
                .conflict,
                size.span,
                "a batch of \(self.log.shown(size)) never fills with a prefetch of \(most): the broker sends no more",
                help: "raise 'prefetch' to at least the batch's size; twice that keeps the next one coming"
            )
        }
        return batch
    }
}
