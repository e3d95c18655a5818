/// The prefetch of a whole channel (`basic.qos` with `global`), as RabbitMQ's limiter counts.
struct SharedPrefetch {
    /// 0 for any number.
    private var limit = 0
    private var count = 0

    var isSet: Bool { self.limit > 0 }
    var hasRoom: Bool { self.limit == 0 || self.count < self.limit }

    /// A limit that comes where none was counts all that is out, also what `basic.get` took: acks of that free no room.
    ///
    /// - Parameters:
    ///   - limit: 0 for none.
    ///   - unacked: What the channel holds.
    mutating func set(_ limit: Int, unacked: Int) {
        if limit == 0 {
            self.count = 0
        } else if self.limit == 0 {
            self.count = unacked
        }
        self.limit = limit
    }

    /// A delivery to a consumer that acks.
    mutating func took() { if self.isSet { self.count += 1 } }

    /// Deliveries to consumers are settled.
    mutating func gaveBack(_ deliveries: Int) { self.count = max(0, self.count - deliveries) }
}
