using System.CommandLine;
using Ardir.Core;
using Ardir.Samples;

FreedMemory.Keep();
Screen.Prepare();
var root = new RootCommand($"Ardir samples: adversarial robustness with TorchSharp. {ExitCode.Table}")
{
    QuickstartCommand.Create(), PaperCommand.Create(), EvaluateCommand.Create(), ObserveCommand.Create(), ImportCommand.Create(), ExportCommand.Create(),
};
return await Job.Invoke(root, args);
