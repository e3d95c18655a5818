/// Where the reader turns with everything that is not a plain delivery.
package protocol InboundDelegate: AnyObject {
    /// The lane of an open or closing channel; nil drops the frame (C42).
    func lane(for number: UInt16) -> Lane?
    func methodReceived(channel: UInt16, lane: Lane?, payload: UnsafeRawBufferPointer) throws(InboundFailure)
    /// Whether somebody waits for the message of `basic.get`.
    func getOkReceived(lane: Lane) throws(InboundFailure) -> Bool
}
