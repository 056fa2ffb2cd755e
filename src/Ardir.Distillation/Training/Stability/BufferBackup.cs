namespace Ardir.Distillation;

/// <summary>A copy of the buffers (the statistics of batch norm) of the student and of what a loss trains, to undo what a forward pass
/// changes in them.</summary>
internal sealed class BufferBackup : IDisposable
{
    private readonly List<(Tensor Buffer, Tensor Before)> _buffers;

    public BufferBackup(nn.Module student, nn.Module? loss)
    {
        using var noGrad = no_grad();
        _buffers = [.. student.buffers().Concat(loss?.buffers() ?? []).Select(buffer => (buffer, buffer.clone().DetachFromDisposeScope()))];
    }

    public void Restore()
    {
        using var noGrad = no_grad();
        foreach (var (buffer, before) in _buffers) buffer.copy_(before);
    }

    public void Dispose()
    {
        foreach (var (_, before) in _buffers) before.Dispose();
    }
}
