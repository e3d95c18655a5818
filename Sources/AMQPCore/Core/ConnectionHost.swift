package import AMQPWire

/// What the I/O-free core of a connection asks of whoever holds the socket.
///
/// Called from within the core's own calls, so on the thread that drives it.
package protocol ConnectionHost: AnyObject {
    /// The virtual host is open: channels can be opened from now on.
    ///
    /// `serverProperties` are those of connection.start.
    func connectionOpened(_ serverProperties: FieldTable)
    /// Stop or go on reading from the socket.
    func setReading(_ isReading: Bool)
    func connectionBlocked(reason: String)
    func connectionUnblocked()
    /// A frame came for a channel that is not in use (C42).
    func frameDropped(channel: UInt16)
    /// connection.update-secret-ok came (C66).
    func secretUpdated()
    /// The end, once; every channel has been told.
    ///
    /// `isWriting` says that another thread still has the last words (close-ok) in hand.
    func connectionEnded(_ error: AMQPError, isWriting: Bool)
}
