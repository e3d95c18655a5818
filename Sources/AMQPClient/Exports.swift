// Whoever imports the client has channels, deliveries and errors with it: they are a part of its own API.
@_exported public import AMQPCore
