using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Sends a checkpoint from the first rank to the others, which need not see its disk.</summary>
internal static class CheckpointTransfer
{
    private const int Chunk = 64 << 20;

    /// <summary>Has every rank but the first read a copy of the first one's file.</summary>
    /// <param name="ranks">More than one.</param>
    /// <param name="path">The file, at the first rank.</param>
    /// <param name="read">Reads the copy, which is deleted afterwards.</param>
    public static void Share(Ranks ranks, string? path, Action<string> read)
    {
        if (ranks.IsFirst)
        {
            using var file = File.OpenRead(path!);
            Send(ranks, file, file.Length);
            return;
        }
        var copy = Path.GetTempFileName();
        try
        {
            using (var file = File.Create(copy)) Send(ranks, file, length: 0);
            read(copy);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    private static void Send(Ranks ranks, FileStream file, long length)
    {
        using var scope = NewDisposeScope();
        var size = tensor([length], device: CPU);
        ranks.Collective.Broadcast(size);
        var left = HostRead.Int64(size);
        var buffer = new byte[Math.Min(left, Chunk)];
        while (left > 0)
        {
            using var each = NewDisposeScope();
            var count = (int)Math.Min(left, Chunk);
            if (ranks.IsFirst) file.ReadExactly(buffer, 0, count);
            var bytes = tensor(buffer.AsSpan(0, count).ToArray(), device: CPU);
            ranks.Collective.Broadcast(bytes);
            if (!ranks.IsFirst) file.Write(HostRead.Array<byte>(bytes));
            left -= count;
        }
    }
}
