import AMQPWire

extension ScriptMaker {
    mutating func publish() -> ScriptStep.Part {
        let exchange = self.draw.pick(by: [
            (10, ""), (12, self.draw.pick(self.exchanges)), (1, "amq.direct"), (1, "amq.topic"), (1, "amq.headers"),
            (1, self.prefix + "none"),
        ])
        return ScriptStep.Part(
            method: .basicPublish(
                BasicPublish(
                    exchange: exchange,
                    routingKey: self.draw.pick(by: [(10, self.draw.pick(self.queues)), (1, "k"), (1, ""), (1, "a.b.c")]
                    ),
                    mandatory: self.draw.one(in: 3)
                )
            ),
            properties: self.properties(),
            body: self.content()
        )
    }

    /// Several to one place.
    mutating func burst() -> [ScriptStep.Part] {
        let first = self.publish()
        return [first]
            + (0...self.draw.below(4)).map { _ in
                ScriptStep.Part(method: first.method, properties: self.properties(), body: self.content())
            }
    }

    private mutating func content() -> [UInt8] {
        self.body &+= 1
        return self.draw.pick([[self.body], [self.body], [self.body, 2], [], Array(repeating: self.body, count: 20)])
    }

    private mutating func properties() -> BasicProperties {
        guard self.draw.flip() else { return BasicProperties() }
        var properties = BasicProperties()
        if self.draw.flip() { properties.headers = self.headers() }
        if self.draw.one(in: 3) { properties.deliveryMode = self.draw.pick([1, 2, 2, 0]) }
        if self.draw.flip() { properties.priority = self.draw.pick([0, 1, 2, 3, 9, 255]) }
        if self.draw.one(in: 5) {
            properties.expiration = self.draw.pick(by: [
                (4, "0"), (6, "900"), (4, "60000"), (1, "x"), (1, "-1"), (1, "4x"), (1, ""), (1, "99999999999999"),
            ])
        }
        if self.draw.one(in: 12) { properties.userID = self.draw.pick(["guest", "guest", "other"]) }
        if self.draw.one(in: 6) {
            properties.contentType = "text/plain"
            properties.contentEncoding = "utf-8"
            properties.correlationID = "c"
            properties.messageID = "m"
            properties.timestamp = 1_000
            properties.type = "t"
            properties.appID = "app"
        }
        if self.draw.one(in: 12) { properties.replyTo = "back" }
        return properties
    }

    private mutating func headers() -> FieldTable {
        var headers: FieldTable = [:]
        for _ in 0..<self.draw.below(4) {
            headers[self.draw.pick(["k", "l", "x-k", "z", "a"])] = self.headerValue()
        }
        for key in ["CC", "BCC"] where self.draw.one(in: 8) {
            headers[key] = self.draw.pick(by: [
                (8, .array([.string(self.draw.pick(self.queues))])), (1, "text"), (1, .array([1])),
                (1, .array(["k", .string(self.queues[0])])),
            ])
        }
        if self.draw.one(in: 16) { headers["nested"] = .table(["b": 1, "a": .array(["x", .table(["q": 1])])]) }
        if self.draw.one(in: 24) { headers["x-delivery-count"] = 7 }
        if self.draw.one(in: 24) {
            headers["x-death"] = self.draw.pick(["text", .array([]), .array([.table(["a": 1])])])
        }
        return headers
    }
}
