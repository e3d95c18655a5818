/// Whether every message is somewhere, at a moment at which nothing moves.
///
/// An input that was fed and is not done is in its job's queue, in a queue where it waits, or in neither: then it is
/// lost, for what was acked because a copy was placed is always in some queue.
struct ChaosCensus {
    /// Fed, and not done.
    let open: Int
    /// Messages in the job's queue and in those where its copies wait.
    let queued: Int
    /// What went with a queue that was deleted.
    let deleted: Int

    /// So many are nowhere; a duplicate in a queue may hide one until the end.
    var missing: Int { max(0, self.open - self.queued - self.deleted) }

    static func queued(_ job: ChaosJob, _ messages: [String: Int]) -> Int {
        messages.reduce(0) { sum, queue in
            let isOwn = queue.key == job.input || queue.key.hasPrefix(job.input + ".delay.")
            return isOwn ? sum + queue.value : sum
        }
    }
}
