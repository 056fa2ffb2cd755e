namespace Ardir.Core;

/// <summary>Exchanges messages of any length, which a collective can only do by tensors.</summary>
public static class CollectiveBytes
{
    private const long Nothing = -1;

    /// <summary>The message of every rank, in their order, at every rank.</summary>
    /// <param name="collective">The ranks, all of which must call this.</param>
    /// <param name="own">The message of this rank; null for none, which is told apart from one without bytes.</param>
    /// <returns>One message for each rank, null where it has none. That of this rank is the given array itself.</returns>
    /// <exception cref="ArgumentNullException">There is no collective.</exception>
    public static byte[]?[] AllGather(ICollective collective, byte[]? own)
    {
        ArgumentNullException.ThrowIfNull(collective);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var lengths = HostRead.Array<long>(collective.AllGather(tensor([own?.Length ?? Nothing], device: CPU)));
        if (lengths.All(length => length <= 0)) return [.. lengths.Select(length => length == Nothing ? null : Array.Empty<byte>())];
        var all = collective.AllGather(own is { Length: > 0 } ? tensor(own, device: CPU) : empty(0, ScalarType.Byte, CPU));
        var messages = new byte[]?[lengths.Length];
        var at = 0L;
        for (var rank = 0; rank < lengths.Length; rank++)
        {
            if (lengths[rank] == Nothing) continue;
            messages[rank] = rank == collective.Rank ? own : HostRead.Array<byte>(all.narrow(0, at, lengths[rank]));
            at += lengths[rank];
        }
        return messages;
    }
}
