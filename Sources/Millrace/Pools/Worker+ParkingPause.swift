import AMQPClient

/// Channels for copies that end again and again, and when the next one is opened.
extension Worker {
    /// Until then the messages go back, and no handler begins: it would be in vain.
    func throwIfParkingPauses() throws(AMQPError) {
        guard let time = self.parkingPause.mayOpenAt(now: MonotonicClock.now()) else { return }
        self.pausedUntil = max(self.pausedUntil, time)
        throw AMQPError(
            .timeout,
            scope: .call,
            text: "the channel for copies ended again and again; another one is opened in a while"
        )
    }
}
