import AMQPCore

/// For tasks: no thread of theirs waits.
extension RecoveringConnection {
    /// Consumes a queue while `body` runs.
    ///
    ///     try await connection.withDeliveries(from: "orders") { deliveries in
    ///         for try await delivery in deliveries {
    ///             await work(on: delivery.body)
    ///             try delivery.ack()
    ///         }
    ///     }
    ///
    /// When the task is cancelled the loop ends, the consumer is cancelled, and what nobody has taken goes back to the queue.
    /// When `body` ends acks that were given are sent, and what is unsettled goes back too.
    ///
    /// - Parameters:
    ///   - queue: If the connection's topology has it, it is declared again when it is missing.
    ///   - options: How to consume, with acks and a prefetch.
    ///   - body: Iterates.
    /// - Returns: What `body` returned, when the channel is closed.
    /// - Throws: What `body` throws; `.invalidSettings` for options without acks or without a prefetch, and if there is no
    ///   thread to be had.
    public func withDeliveries<R>(
        from queue: String,
        options: ConsumerOptions = ConsumerOptions(),
        _ body: (AsyncDeliveries) async throws -> R
    ) async throws -> R {
        let deliveries = AsyncDeliveries(self, queue, options)
        try deliveries.start()
        do {
            let result = try await withTaskCancellationHandler {
                try await body(deliveries)
            } onCancel: {
                deliveries.stop()
            }
            await deliveries.end()
            return result
        } catch {
            await deliveries.end()
            throw error
        }
    }

    /// Ends the connection for good, and returns when it has ended; no thread of the caller's waits.
    ///
    /// It takes as long as ``stop()``; a cancelled task waits too.
    public func shutDown() async {
        await withCheckedContinuation { waiter in
            do throws(ThreadError) {
                try WorkerThread.start(name: "amqp-stop") {
                    self.stop()
                    waiter.resume()
                }
                .detach()
            } catch {
                // No thread to be had: it ends by itself.
                _ = self.stop(until: 0)
                waiter.resume()
            }
        }
    }
}
