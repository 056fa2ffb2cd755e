using System.Runtime.InteropServices;
using Spectre.Console;

namespace Ardir.Samples;

/// <summary>Whether the model takes the images at all, asked with the first of them before anything long begins.</summary>
internal static class ShapeProbe
{
    public static void Print(IModule model, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var one = images.narrow(0, 0, 1);
        var input = $"{images.dtype} [N,{string.Join(",", images.shape.Skip(1))}], pixels in [0,1]";
        Tensor logits;
        try
        {
            logits = model.call(one);
        }
        catch (Exception e) when (
            e is ExternalException or InvalidOperationException or ArgumentException or InvalidCastException or NotImplementedException)
        {
            throw new InvalidOperationException(
                $"The model does not take these images, {input}. "
                    + $"Is --data the data it was trained on (and --channels, --size for pictures)? {ErrorText.Of(e)}", e);
        }
        if (logits.dim() != 2 || logits.shape[0] != 1 || !logits.is_floating_point())
        {
            throw new InvalidOperationException(
                $"The model returns {logits.dtype} [{string.Join(",", logits.shape)}] for one image; expected logits [1,classes].");
        }
        AnsiConsole.MarkupLine(Markup.Escape($"Input: {input}; output: {logits.dtype} [N,{logits.shape[1]}]"));
    }
}
