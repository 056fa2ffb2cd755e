using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Lets a test look at Square's moves within a run, on images that their model classifies correctly.</summary>
internal static class SquareProbe
{
    public static void Moves(ThreatModel threat, Tensor images, Action<SquareMoves, AttackRun> body)
    {
        using var model = new FuncModel(x => x.flatten(1));
        var ran = false;
        new ProbeAttack(threat, run =>
        {
            using var moves = SquareMoves.Create(run);
            moves.Start(run.Images, run.Streams("Square", 0));
            body(moves, run);
            ran = true;
            return run.Images;
        }).Perturb(model, images, model.call(images).argmax(1));
        ran.Should().BeTrue();
    }
}
