using System.CommandLine;

namespace Ardir.Samples;

/// <summary><c>observe</c>: a short training run, watched.</summary>
internal static class ObserveCommand
{
    public static Command Create()
    {
        var output = Options.Output("Folder for checkpoints and logs", "ardir-observe");
        var epochs = Options.Whole("--epochs", "Epochs; raise it and the same command resumes the run", 2);
        var command = new Command("observe",
            "Trains a small robust model on a few of the images and shows every way to watch it: "
                + "OpenTelemetry, CSV, JSON lines, TensorBoard.")
        {
            output, epochs,
        };
        command.SetAction((arguments, cancellation) =>
            Job.Start(arguments.GetValue(output), () =>
                new Observe(arguments.GetValue(output)!, arguments.GetValue(epochs)).Run(cancellation)));
        return command;
    }
}
